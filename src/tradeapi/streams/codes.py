"""Every code that a socket says or closes with, and why."""

from collections.abc import Mapping

NOT_TEXT, POLICY, TOO_BIG, RESTART, TRY_LATER = 1007, 1008, 1009, 1012, 1013
NOT_AUTHENTICATED, AUTH_DEADLINE, TOO_MANY_SOCKETS = 4401, 4408, 4429

ERRORS: Mapping[str, str] = {
    "bad_frame": "no text, no JSON, or no object",
    "unknown_op": "there is no such `op`",
    "invalid_field": "`field` says which",
    "unauthenticated": "you have not said who you are, or what you said it with is no good",
    "token_expired": "get another and send `auth` again",
    "token_revoked": "get another and send `auth` again",
    "key_expired": "get another and send `auth` again",
    "forbidden": "the token in `auth` is of another user than the socket; or the topic is over"
    " because the socket has become another user's",
    "insufficient_scope": "what you may do is not enough for the topic",
    "quota_sockets": "you, or all unknown clients at your address, have as many as one may",
    "too_many_topics": "more than `limits.topics` on the socket; none of the request was taken",
    "too_many_messages": "faster than `limits.messages_per_second` after a burst",
    "too_many_requests": "too many keys and tickets from your address were none of ours",
    "unknown_topic": "no topic has such a name",
    "unknown_symbol": "there is no such symbol, or none any more",
    "unknown_index": "there is no such index, or none any more",
    "unknown_resolution": "there are no bars so wide",
    "not_found": "there is no such chart, or it is not yours; you unsubscribed from what you do not"
    " hold; there is no such replay, or nothing to replay",
    "too_many_replays": "the socket has as many as one may",
    "bad_time": "the `start` or `end` of a replay is none",
    "time_out_of_range": "the `start` or `end` of a replay is none",
    "bad_range": "the range of a replay has no length",
    "database_busy": "try again later",
    "database_full": "try again later",
    "database_timeout": "try again later",
    "database_unavailable": "try again later",
    "internal": "the topic is over by a fault of ours",
}

CLOSES: Mapping[int, str] = {
    NOT_TEXT: "a text frame that is not UTF-8: mend the client",
    POLICY: "too many faulty frames, pings, pongs or fragments: mend the client",
    TOO_BIG: "a frame longer than `limits.frame_bytes`: mend the client",
    RESTART: "the server stops: reconnect and resume",
    TRY_LATER: "you take too slowly what is sent, there are too many sockets, or the database was"
    " away when you said who you are: reconnect and resume",
    NOT_AUTHENTICATED: "the credentials are no good, have expired or were revoked: get new ones,"
    " then connect",
    AUTH_DEADLINE: "nobody has said who they are in time: send `auth` at once",
    TOO_MANY_SOCKETS: "too many sockets of one user or address: close others first",
}
