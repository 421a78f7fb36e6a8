/**
 * TradingView's charts on a tradeapi server: history over HTTP, live bars and quotes over one socket.
 *
 *     import { Datafeed } from "https://market.example.com/static/datafeed.js";
 *     const datafeed = new Datafeed({ onReset: () => widget.activeChart().resetData() });
 *     const widget = new TradingView.widget({ datafeed, symbol: "SIM:BTCUSD", interval: "1", ... });
 *
 * `Stream` is the socket alone, for all who draw with something else.
 *
 * @typedef {string | ((refused?: string) => string | Promise<string>)} Token
 *   An access token or an API key; a function is asked for another one when one is refused, or soon will be.
 * @typedef {{type: string, topic: string, [field: string]: any}} Frame
 *   As the server sends it. Two are the client's own: `lost` says that the connection is, until frames come
 *   again; after an `error` the topic is over.
 * @typedef {{position: {epoch: string, seq: number} | null, listeners: Set<{hear: (frame: Frame) => void}>}} Topic
 *   `position` is where to go on; as long as there is none only a snapshot counts.
 * @typedef {{ticker: string, [field: string]: any}} SymbolInfo
 * @typedef {{time: number, open: number, high: number, low: number, close: number, volume: number}} Bar
 * @typedef {{from: number, to: number, countBack?: number, firstDataRequest: boolean}} Period
 */

const RESOLUTIONS = {
  1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h",
  "1D": "1d", "1W": "1w", "1M": "1M", D: "1d", W: "1w", M: "1M",
};

const HISTORY = 300; // bars in a snapshot: so long may a chart take from reading its history to following it
const MOST_BARS = 50_000;
const MOST_TOPICS = 100; // of one request: a frame must not become too long
const TRIES = 4;
const PATIENCE_MS = 10_000; // beyond the time in which a heartbeat is due
const IDLE_MS = 5000; // a chart that changes its symbol leaves one topic before it asks for the next
const RESET_MS = 1000; // late trades come in swarms, and each time a chart reads all it shows
const SHORTEST_MS = 500;
const LONGEST_MS = 30_000;
const NOT_AUTHENTICATED = 4401;
const LATER = new Set([
  "database_busy", "database_full", "database_timeout", "database_unavailable", "too_many_messages", "too_many_requests", "internal",
]);

/** What the server refused, in its own words; `code` and `status` are those of its documentation. */
export class Refused extends Error {
  /** @param {{detail?: string, code?: string, status?: number}} problem */
  constructor({ detail, code, status }) {
    super(detail ?? `The server answers ${status ?? code}.`);
    this.code = code;
    this.status = status;
  }
}

/** The token in use. */
class Credentials {
  #source;
  #used;
  #asked;

  /** @param {Token} [source] */
  constructor(source) {
    this.#source = source;
    this.canRenew = typeof source === "function";
    this.areGiven = source !== undefined;
  }

  /** The token; another one than the `refused`, if there is a way to get one. */
  async token(refused) {
    if (typeof this.#source !== "function") return this.#source;
    if (this.#used === undefined || this.#used === refused) {
      const ask = async () => this.#source(refused);
      this.#asked ??= ask().finally(() => { this.#asked = undefined; });
      this.#used = await this.#asked;
    }
    return this.#used;
  }
}

/** One socket for any number of topics: it comes back by itself, and goes on where it stopped. */
export class Stream {
  #url; #credentials; #ticket; #onError;
  /** @type {Map<string, Topic>} */
  #topics = new Map();
  #asked = new Set(); // topics that are to be subscribed to as soon as that is possible
  #requests = new Map(); // topics of a `subscribe` by its id
  #lastRequest = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  #isConnecting = false;
  #isReady = false;
  #attempts = 0;
  #silence = LONGEST_MS;
  #pause;
  #token;
  #fault;
  #timers = {};

  /**
   * @param {string} url such as "wss://market.example.com/ws"
   * @param {{token?: Token, ticket?: () => string | Promise<string>, onError?: (error: Error) => void}} [options]
   *   `ticket` is asked for one each time the socket is opened.
   */
  constructor(url, { token, ticket, onError = console.error } = {}) {
    this.#url = url;
    this.#credentials = token instanceof Credentials ? token : new Credentials(token);
    this.#ticket = ticket;
    this.#onError = onError;
  }

  /**
   * Follow a topic. All who follow it hear a snapshot again when another one begins to.
   * @param {string} name such as "bars:SIM:BTCUSD:1m"
   * @param {(frame: Frame) => void} listener
   * @returns {() => void} no longer
   */
  subscribe(name, listener) {
    const one = { hear: listener };
    if (!this.#topics.has(name)) this.#topics.set(name, { position: null, listeners: new Set() });
    this.#topics.get(name).listeners.add(one);
    this.refresh(name);
    return () => this.#leave(name, one);
  }

  /** Have a snapshot sent; until it is here nothing else is heard of the topic. */
  refresh(name) {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    topic.position = null;
    this.#ask(name);
  }

  close() {
    this.#topics.clear();
    this.#hangUp();
  }

  #leave(name, one) {
    const topic = this.#topics.get(name);
    if (!topic?.listeners.delete(one) || topic.listeners.size > 0) return;
    this.#topics.delete(name);
    if (!this.#asked.delete(name) && this.#isReady) this.#say({ op: "unsubscribe", topics: [name] });
    if (this.#topics.size === 0) this.#after("idle", IDLE_MS, () => this.#topics.size === 0 && this.#hangUp());
  }

  #ask(name) {
    if (!this.#topics.has(name)) return;
    this.#asked.add(name);
    // What is asked for in one go travels together.
    if (this.#isReady) queueMicrotask(() => this.#flush());
    else if (this.#timers.connect === undefined) this.#connect();
  }

  #flush() {
    if (!this.#isReady) return;
    const names = [...this.#asked];
    this.#asked.clear();
    for (let i = 0; i < names.length; i += MOST_TOPICS) {
      const topics = names.slice(i, i + MOST_TOPICS);
      const positions = topics.map((name) => [name, this.#topics.get(name).position]);
      const resume = Object.fromEntries(positions.filter(([, position]) => position !== null));
      const id = ++this.#lastRequest;
      this.#requests.set(id, topics);
      this.#say({ op: "subscribe", id, topics, history: HISTORY, resume });
    }
  }

  async #connect() {
    if (this.#isConnecting || this.#socket !== null || this.#topics.size === 0) return;
    this.#isConnecting = true;
    try {
      const query = this.#ticket ? `?ticket=${encodeURIComponent(await this.#ticket())}` : "";
      if (this.#topics.size === 0) return;
      const socket = new WebSocket(this.#url + query);
      const isCurrent = () => socket === this.#socket;
      socket.onmessage = ({ data }) => { if (isCurrent()) this.#hear(JSON.parse(data)); };
      socket.onclose = ({ code, reason }) => { if (isCurrent()) this.#lose(code, reason); };
      this.#socket = socket;
      this.#listen();
    } catch (error) {
      this.#onError(error);
      this.#comeBack();
    } finally {
      this.#isConnecting = false;
    }
  }

  /** Whoever is silent for so long is gone, whatever the network says. */
  #listen() {
    this.#after("silence", this.#silence, () => this.#lose());
  }

  #say(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #hear(frame) {
    this.#listen();
    if (frame.type === "hello") this.#greet(frame);
    else if (frame.type === "auth") this.#begin();
    else if (frame.type === "auth_expiring" && this.#credentials.canRenew) this.#authenticate(this.#token);
    else if (frame.type === "ack") this.#hearAck(frame);
    else if (frame.type === "bye") this.#pause = frame.reconnect_in_ms;
    else if (frame.type === "error" && frame.topic === undefined) this.#hearError(frame);
    else if (frame.type === "error") this.#refuse(frame.topic, frame);
    else this.#hearTopic(frame);
  }

  #greet(hello) {
    this.#silence = hello.heartbeat * 1000 + PATIENCE_MS;
    if (hello.auth === "done") this.#begin();
    else if (this.#credentials.areGiven) this.#authenticate();
    else if (hello.auth === "optional") this.#begin();
    else this.#stop(new Refused({ code: "unauthenticated", detail: "This server has to be given a token." }));
  }

  async #authenticate(refused = undefined) {
    const socket = this.#socket;
    try {
      const token = await this.#credentials.token(refused);
      if (socket !== this.#socket) return;
      this.#token = token;
      this.#say({ op: "auth", id: "auth", token });
    } catch (error) {
      this.#onError(error);
      // Where the one before is still good it is good until its end.
      if (socket === this.#socket && !this.#isReady) this.#lose();
    }
  }

  #begin() {
    this.#isReady = true;
    this.#fault = undefined;
    this.#flush();
  }

  #hearAck({ id, rejected }) {
    if (!this.#requests.delete(id)) return;
    this.#attempts = 0;
    for (const one of rejected) this.#refuse(one.topic, one);
  }

  #hearError(error) {
    const names = this.#requests.get(error.id);
    this.#requests.delete(error.id);
    for (const name of names ?? []) this.#refuse(name, error);
    if (names !== undefined) return;
    const isFirst = this.#fault === undefined;
    this.#fault = error;
    // Others come before the socket is closed, and are why it is.
    if (error.id !== "auth") return;
    if (LATER.has(error.code)) this.#lose();
    else if (isFirst && this.#credentials.canRenew) this.#authenticate(this.#token);
    else this.#lose(NOT_AUTHENTICATED);
  }

  /** Some of it is the server's trouble and will pass. */
  #refuse(name, { code, detail }) {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    topic.position = null;
    if (LATER.has(code)) {
      setTimeout(() => this.#ask(name), 2000 + 3000 * Math.random());
      return;
    }
    this.#topics.delete(name);
    this.#tell(topic, { type: "error", topic: name, code, detail });
  }

  #hearTopic(frame) {
    const topic = this.#topics.get(frame.topic);
    if (topic === undefined) return;
    if (frame.type === "snapshot") topic.position = { epoch: frame.epoch, seq: frame.seq };
    else if (frame.type === "reset") topic.position = null;
    else if (frame.type !== "resumed") {
      if (topic.position === null || frame.seq <= topic.position.seq) return;
      topic.position.seq = frame.seq;
    }
    this.#tell(topic, frame);
  }

  #tell(topic, frame) {
    for (const one of [...topic.listeners]) {
      try {
        one.hear(frame);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #lose(code = undefined, reason = "") {
    const fault = this.#fault;
    this.#hangUp();
    for (const [name, topic] of this.#topics) {
      this.#asked.add(name);
      this.#tell(topic, { type: "lost", topic: name });
    }
    if (code === NOT_AUTHENTICATED && !this.#credentials.canRenew && !this.#ticket) {
      this.#stop(new Refused(fault ?? { code: reason, detail: `The token is ${reason}.` }));
      return;
    }
    if (fault !== undefined) this.#onError(new Refused(fault));
    this.#comeBack();
  }

  #comeBack() {
    const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** this.#attempts++);
    const pause = this.#pause ?? most * Math.random();
    this.#pause = undefined;
    this.#after("connect", pause, () => this.#connect());
  }

  /** There is no use in trying again. */
  #stop(error) {
    const topics = [...this.#topics];
    this.close();
    for (const [name, topic] of topics) {
      this.#tell(topic, { type: "error", topic: name, code: error.code, detail: error.message });
    }
    this.#onError(error);
  }

  #hangUp() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isReady = false;
    this.#fault = undefined;
    this.#requests.clear();
    this.#asked.clear();
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#timers = {};
    socket?.close();
  }

  /** One timer of each name. */
  #after(name, ms, call) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(() => {
      delete this.#timers[name];
      call();
    }, ms);
  }
}

/** One who follows a series: what has changed is told to the chart, or the chart reads it again. */
class Reader {
  #series; #onTick; #onReset; #last; #resetting;
  #isToldToRead = false;

  constructor(series, onTick, onReset) {
    this.#series = series;
    this.#onTick = onTick;
    this.#onReset = onReset;
    this.#last = series.last ?? -Infinity;
  }

  /** The newest bars have been read: by this chart if it was told to, else by another one. */
  rejoin() {
    if (this.#isToldToRead) this.#last = this.#series.last;
    this.#isToldToRead = false;
  }

  end() {
    clearTimeout(this.#resetting);
  }

  hear({ type, bars, bar, previous_time: previous, revision }) {
    if (type === "snapshot") {
      const follows = previous === null || previous <= this.#last;
      if (!follows || (this.#series.revision ?? revision) !== revision) this.#reset();
      else bars.time.forEach((_, i) => this.#tick(barOf(bars, i)));
    } else if (type === "bar") {
      this.#tick(barFrom(bar));
    } else if (type === "revise" && bar[0] === this.#last) {
      this.#tick(barFrom(bar));
    } else if ((type === "revise" && bar[0] >= this.#series.first) || type === "reset") {
      this.#reset();
    }
  }

  #tick(bar) {
    if (bar.time / 1000 < this.#last) return;
    this.#last = bar.time / 1000;
    this.#onTick(bar);
  }

  /** A chart can't change a bar that has another one behind it. */
  #reset() {
    this.#resetting ??= setTimeout(() => {
      this.#resetting = undefined;
      this.#isToldToRead = true;
      this.#onReset();
    }, RESET_MS);
  }
}

/** TradingView's JS Datafeed API. */
export class Datafeed {
  #url; #credentials; #stream; #adjustment; #onReset; #onError;
  #series = new Map(); // by topic
  #descriptions = new Map(); // by symbol
  #followed = new Map(); // how to stop, by the id of the follower

  /**
   * @param {{url?: string, token?: Token, ticket?: () => string | Promise<string>,
   *   adjustment?: "raw" | "splits" | "all", onReset?: (symbol: string, resolution: string) => void,
   *   onError?: (error: Error) => void}} [options]
   *   `url` is the server's, by default where this file comes from. `onReset` is called when older bars have
   *   changed and the chart has to read them again.
   */
  constructor({
    url = new URL("..", import.meta.url).href, token, ticket, adjustment = "splits",
    onReset = () => {}, onError = console.error,
  } = {}) {
    this.#url = url.replace(/\/*$/, "/");
    this.#credentials = new Credentials(token);
    this.#stream = new Stream(`${this.#url.replace(/^http/, "ws")}ws`, { token: this.#credentials, ticket, onError });
    this.#adjustment = adjustment;
    this.#onReset = onReset;
    this.#onError = onError;
  }

  onReady(onConfiguration) {
    this.#get("udf/config").catch((error) => {
      this.#onError(error);
      return {};
    }).then(onConfiguration);
  }

  searchSymbols(query, exchange, type, onResult) {
    this.#get("udf/search", { query, exchange, type }).catch(() => []).then(onResult);
  }

  resolveSymbol(name, onResolve, onError) {
    const unknown = [404, 409, 422];
    this.#get("udf/symbols", { symbol: name }).then(
      onResolve, (error) => onError(unknown.includes(error.status) ? "unknown_symbol" : error.message),
    );
  }

  getBars(info, resolution, period, onResult, onError) {
    this.#read(this.#seriesOf(info, resolution), period).then(
      ({ bars, meta }) => onResult(bars, meta), (error) => onError(error.message),
    );
  }

  subscribeBars(info, resolution, onTick, id, onReset) {
    const series = this.#seriesOf(info, resolution);
    const reader = new Reader(series, onTick, () => {
      onReset();
      this.#onReset(info.ticker, resolution);
    });
    series.readers.add(reader);
    const leave = this.#stream.subscribe(series.topic, (frame) => {
      if (frame.type === "error") this.#onError(new Refused(frame));
      else reader.hear(frame);
    });
    this.#follow(id, () => {
      series.readers.delete(reader);
      reader.end();
      leave();
    });
  }

  unsubscribeBars(id) {
    this.#follow(id, null);
  }

  /** Splits and dividends. */
  getTimescaleMarks({ ticker }, from, to, onMarks, resolution) {
    this.#get("udf/timescale_marks", { symbol: ticker, from, to, resolution }).catch(() => []).then(onMarks);
  }

  getServerTime(onTime) {
    this.#get("udf/time").catch(() => Math.floor(Date.now() / 1000)).then(onTime);
  }

  getQuotes(names, onQuotes, onError) {
    this.#get("udf/quotes", { symbols: names.join(",") }).then(({ d: quotes }) => {
      for (const { v } of quotes) this.#descriptions.set(v.original_name, v.description);
      onQuotes(quotes.map(marked));
    }, (error) => onError(error.message));
  }

  subscribeQuotes(names, fastNames, onQuotes, id) {
    const leave = [...new Set([...names, ...fastNames])].map((name) => this.#followQuote(name, onQuotes));
    this.#follow(id, () => leave.forEach((stop) => stop()));
  }

  unsubscribeQuotes(id) {
    this.#follow(id, null);
  }

  /** No more frames, and no more socket. */
  close() {
    for (const id of [...this.#followed.keys()]) this.#follow(id, null);
    this.#stream.close();
  }

  #follow(id, stop) {
    this.#followed.get(id)?.();
    if (stop === null) this.#followed.delete(id);
    else this.#followed.set(id, stop);
  }

  #followQuote(name, onQuotes) {
    let isOver = false, leave = () => {}, last = null;
    const hear = (symbol, { type, quote }) => {
      if (type === "lost" && last === null) return;
      // As long as nobody tells the price it is an old one.
      last = quote ?? { ...last, stale: true };
      const isKnown = type !== "error";
      const values = isKnown ? quoteValues(symbol, this.#descriptions.get(symbol), last) : {};
      onQuotes([marked({ s: isKnown ? "ok" : "error", n: name, v: values })]);
    };
    this.#fullName(name).then(
      (symbol) => { if (!isOver) leave = this.#stream.subscribe(`quotes:${symbol}`, (frame) => hear(symbol, frame)); },
      () => { if (!isOver) hear(name, { type: "error", quote: null }); },
    );
    return () => {
      isOver = true;
      leave();
    };
  }

  /** Topics have no other name. */
  async #fullName(name) {
    if (name.includes(":")) return name.trim().toUpperCase();
    const { ticker } = await this.#get("udf/symbols", { symbol: name.trim() });
    return ticker;
  }

  #seriesOf({ ticker }, resolution) {
    const name = RESOLUTIONS[resolution] ?? resolution;
    const topic = `bars:${ticker}:${name}:${this.#adjustment}`;
    const series = this.#series.get(topic)
      ?? { symbol: ticker, resolution: name, topic, first: Infinity, readers: new Set() };
    this.#series.set(topic, series);
    return series;
  }

  async #read(series, { from, to, countBack, firstDataRequest }) {
    const { symbol, resolution, revision } = series;
    const query = { resolution, adjustment: this.#adjustment, limit: MOST_BARS };
    // How many counts for more than from when. The first time it is the newest bars, also one of tomorrow.
    if (countBack) query.limit = Math.min(countBack, MOST_BARS);
    else query.start = from;
    if (!firstDataRequest || !countBack) query.before = to;
    // With it what is old comes from the browser's cache.
    if (!firstDataRequest) query.revision = revision;
    const page = await this.#get(`api/v1/bars/${encodeURIComponent(symbol)}`, query);
    series.first = Math.min(series.first, page.time[0] ?? Infinity);
    if (firstDataRequest) this.#join(series, page);
    const bars = page.time.map((_, i) => barOf(page, i));
    if (bars.length > 0) return { bars, meta: { noData: false } };
    return { bars, meta: { noData: true, nextTime: page.previous_time ?? undefined } };
  }

  #join(series, { time, revision }) {
    Object.assign(series, { last: time.at(-1) ?? -Infinity, revision });
    for (const reader of series.readers) reader.rejoin();
    // What has happened since then comes with a snapshot.
    this.#stream.refresh(series.topic);
  }

  async #get(path, query = {}) {
    const url = new URL(path, this.#url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== "") url.searchParams.set(name, value);
    }
    let refused;
    for (let tries = 1; ; tries++) {
      const token = await this.#credentials.token(refused);
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(url, { headers }).catch((error) => error);
      if (answer.ok) return answer.json();
      const problem = answer.status ? await problemOf(answer) : answer;
      if (answer.status === 401 && this.#credentials.canRenew && refused === undefined) {
        refused = token;
      } else if (tries < TRIES && [undefined, 429, 502, 503, 504].includes(answer.status)) {
        const seconds = Number(answer.headers?.get("retry-after")) || 2 ** tries * Math.random();
        await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
      } else {
        throw problem;
      }
    }
  }
}

async function problemOf(answer) {
  const problem = await answer.json().catch(() => ({}));
  return new Refused({ detail: problem.errmsg, ...problem, status: answer.status });
}

/** @returns {Bar} */
function barFrom([time, open, high, low, close, volume]) {
  return { time: time * 1000, open, high, low, close, volume };
}

function barOf({ time, open, high, low, close, volume }, i) {
  return barFrom([time[i], open[i], high[i], low[i], close[i], volume[i]]);
}

function quoteValues(symbol, description, quote) {
  const [exchange, ticker] = symbol.split(":");
  const values = {
    short_name: ticker, exchange, original_name: symbol, description: description ?? ticker,
    lp: quote.last, lp_time: quote.time, ch: quote.change, chp: quote.change_percent, bid: quote.bid, ask: quote.ask,
    open_price: quote.open, high_price: quote.high, low_price: quote.low, prev_close_price: quote.previous_close,
    volume: quote.volume, stale: Number(quote.stale),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/** What is old says so, where people see it: charts have no field for that. */
function marked(quote) {
  if (!quote.v.stale) return quote;
  return { ...quote, v: { ...quote.v, description: `${quote.v.description} (not current)` } };
}
