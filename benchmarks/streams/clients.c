/* Many WebSocket clients in one process, as cheap as they can be: `clients HOST PORT SCRIPT SAMPLES`.
 *
 * SCRIPT is binary: a uint64 `fresh` and a uint32 count, then for each client three uint32 (how much
 * it waits for, the lengths of two texts), its handshake, and what it says when that is answered.
 * A client waits for so many snapshots and resumes, or, with `fresh`, for frames whose stamp is not
 * below it. A stamp is the price in a quote: the microseconds of the monotonic clock when it was sent.
 * Whoever is told of an error leaves.
 *
 * "ready SECONDS" is written when each client has what it waits for or is gone. Every line of standard
 * input is answered with counts since the last, in JSON, and with the stamp and the arrival of each
 * update in SAMPLES, as pairs of int64. clients.py does the same where there is no C compiler.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20, EVENTS = 1024, TEXT = 1, CLOSE = 8, PING = 9 };

struct text {
    const char *start;
    uint32_t length;
};

struct client {
    enum { CONNECTING, SHAKING, OPEN, GONE } state;
    int socket;
    uint32_t waits_for;
    struct text handshake, says;
    char *rest;
    size_t rest_length;
};

struct sample {
    int64_t stamp, arrival;
};

static struct {
    uint64_t updates, bytes, errors;
} counts;

static struct client *clients;
static uint32_t client_count, ready, gone;
static struct sample *samples;
static size_t sample_count, sample_room;
static int64_t fresh, begun, now;
static char buffer[BUFFER_BYTES];
static int events;

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static int64_t microseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void tell_when_ready(void) {
    if (ready + gone == client_count) {
        printf("ready %.6f\n", (double)(microseconds() - begun) / 1e6);
        fflush(stdout);
    }
}

static void leave(struct client *client) {
    if (client->state == GONE)
        return;
    close(client->socket);
    client->state = GONE;
    if (client->waits_for > 0) {
        gone++;
        tell_when_ready();
    } else {
        counts.errors++;
    }
}

static void say(struct client *client, const char *start, size_t length) {
    if (length > 0 && send(client->socket, start, length, MSG_NOSIGNAL) != (ssize_t)length)
        leave(client);
}

static void get_closer(struct client *client) {
    if (client->waits_for > 0 && --client->waits_for == 0) {
        ready++;
        tell_when_ready();
    }
}

static int begins(const char *start, size_t length, const char *with) {
    size_t wanted = strlen(with);
    return length >= wanted && memcmp(start, with, wanted) == 0;
}

static int64_t stamp_of(const char *start, size_t length) {
    const char *end = start + length, *digit = memmem(start, length, "\"last\":", 7);
    int64_t stamp = 0;
    if (digit != NULL)
        for (digit += 7; digit < end && *digit >= '0' && *digit <= '9'; digit++)
            stamp = stamp * 10 + (*digit - '0');
    return stamp;
}

static void note(int64_t stamp) {
    if (sample_count == sample_room) {
        sample_room = sample_room ? 2 * sample_room : 1 << 16;
        samples = realloc(samples, sample_room * sizeof *samples);
        if (samples == NULL)
            give_up("realloc");
    }
    samples[sample_count++] = (struct sample){stamp, now};
}

static void take(struct client *client, const char *start, size_t length) {
    int is_update = begins(start, length, "{\"type\":\"quote\"");
    int is_begin = !is_update && (begins(start, length, "{\"type\":\"snapshot\"") ||
                                  begins(start, length, "{\"type\":\"resumed\""));
    if (is_update || (is_begin && fresh > 0)) {
        int64_t stamp = stamp_of(start, length);
        if (is_update) {
            counts.updates++;
            note(stamp);
        }
        if (fresh > 0 && stamp >= fresh)
            get_closer(client);
    } else if (is_begin) {
        get_closer(client);
    } else if (begins(start, length, "{\"type\":\"error\"") ||
               (begins(start, length, "{\"type\":\"ack\"") &&
                memmem(start, length, "\"rejected\":[]", 13) == NULL)) {
        if (counts.errors++ == 0)
            fprintf(stderr, "%.*s\n", (int)length, start);
        leave(client);
    }
}

static void pong(struct client *client, const char *start, size_t length) {
    /* The mask is zeros. */
    char frame[131] = {(char)0x8a, (char)(0x80 | length)};
    memcpy(frame + 6, start, length);
    say(client, frame, 6 + length);
}

/* How many bytes were whole frames. */
static size_t read_frames(struct client *client, const char *start, size_t length) {
    size_t done = 0;
    while (client->state == OPEN && length - done >= 2) {
        const unsigned char *head = (const unsigned char *)start + done;
        size_t head_length = 2, payload = head[1];
        if (payload >= 126) {
            size_t extended = payload == 126 ? 2 : 8;
            head_length += extended;
            if (length - done < head_length)
                break;
            payload = 0;
            for (size_t place = 0; place < extended; place++)
                payload = payload << 8 | head[2 + place];
        }
        if (payload > length - done - head_length)
            break;
        const char *text = start + done + head_length;
        switch (head[0] & 15) {
        case TEXT:
            take(client, text, payload);
            break;
        case PING:
            pong(client, text, payload);
            break;
        case CLOSE:
            leave(client);
            break;
        }
        done += head_length + payload;
    }
    return done;
}

/* How many bytes the answer to the handshake has, none while it is not all here. */
static size_t read_answer(struct client *client, const char *start, size_t length) {
    const char *end = memmem(start, length, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (!begins(start, length, "HTTP/1.1 101")) {
        leave(client);
        return length;
    }
    client->state = OPEN;
    say(client, client->says.start, client->says.length);
    return (size_t)(end - start) + 4;
}

static void receive(struct client *client) {
    size_t length = client->rest_length, done = 0;
    if (length > 0)
        memcpy(buffer, client->rest, length);
    ssize_t got = recv(client->socket, buffer + length, BUFFER_BYTES - length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        leave(client);
        return;
    }
    now = microseconds();
    counts.bytes += (uint64_t)got;
    length += (size_t)got;
    if (client->state == SHAKING) {
        done = read_answer(client, buffer, length);
        if (done > 0 && client->state == OPEN && client->waits_for == 1 && !client->says.length)
            get_closer(client);
    }
    done += read_frames(client, buffer + done, length - done);
    client->rest_length = client->state == GONE ? 0 : length - done;
    if (client->rest_length > 0) {
        client->rest = realloc(client->rest, client->rest_length);
        if (client->rest == NULL)
            give_up("realloc");
        memcpy(client->rest, buffer + done, client->rest_length);
    }
}

static void watch(struct client *client, int operation, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = client};
    if (epoll_ctl(events, operation, client->socket, &event) < 0)
        give_up("epoll_ctl");
}

static void begin(struct client *client, const struct sockaddr_in *address) {
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->socket < 0)
        give_up("socket");
    if (connect(client->socket, (const struct sockaddr *)address, sizeof *address) < 0 &&
        errno != EINPROGRESS)
        give_up("connect");
    watch(client, EPOLL_CTL_ADD, EPOLLOUT);
}

static void go_on(struct client *client) {
    if (client->state == CONNECTING) {
        client->state = SHAKING;
        say(client, client->handshake.start, client->handshake.length);
        if (client->state != GONE)
            watch(client, EPOLL_CTL_MOD, EPOLLIN);
    } else if (client->state != GONE) {
        receive(client);
    }
}

static void report(const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(samples, sizeof *samples, sample_count, file) != sample_count ||
        fclose(file) != 0)
        give_up(path);
    printf("{\"updates\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"ready\":%" PRIu32 ",\"gone\":%" PRIu32 "}\n",
           counts.updates, counts.bytes, counts.errors, ready, gone);
    fflush(stdout);
    memset(&counts, 0, sizeof counts);
    sample_count = 0;
}

static void read_script(const char *path) {
    FILE *file = fopen(path, "rb");
    uint64_t wanted;
    if (file == NULL || fread(&wanted, sizeof wanted, 1, file) != 1 ||
        fread(&client_count, sizeof client_count, 1, file) != 1)
        give_up(path);
    fresh = (int64_t)wanted;
    clients = calloc(client_count, sizeof *clients);
    for (uint32_t place = 0; place < client_count; place++) {
        uint32_t numbers[3];
        if (fread(numbers, sizeof numbers, 1, file) != 1)
            give_up(path);
        size_t length = (size_t)numbers[1] + numbers[2];
        char *texts = malloc(length);
        if (texts == NULL || fread(texts, 1, length, file) != length)
            give_up(path);
        clients[place].waits_for = numbers[0];
        clients[place].handshake = (struct text){texts, numbers[1]};
        clients[place].says = (struct text){texts + numbers[1], numbers[2]};
    }
    fclose(file);
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: clients HOST PORT SCRIPT SAMPLES\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(arguments[2]))};
    inet_pton(AF_INET, arguments[1], &address.sin_addr);
    read_script(arguments[3]);
    events = epoll_create1(0);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(events, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    begun = microseconds();
    for (uint32_t place = 0; place < client_count; place++)
        begin(&clients[place], &address);
    for (;;) {
        struct epoll_event happened[EVENTS];
        int many = epoll_wait(events, happened, EVENTS, -1);
        for (int place = 0; place < many; place++) {
            if (happened[place].data.ptr != NULL) {
                go_on(happened[place].data.ptr);
                continue;
            }
            char line[64];
            if (read(STDIN_FILENO, line, sizeof line) <= 0)
                return 0;
            report(arguments[4]);
        }
    }
}
