// A page with charts that do with a datafeed what TradingView's library does, as far as bars and
// quotes go. It is told what to do by lines on stdin and answers each by one on stdout.

import { createInterface } from "node:readline";

const { url, hurry = 1, ...options } = JSON.parse(process.argv[2]);
const seen = { sockets: 0, reads: 0, resets: 0, violations: 0, lost: 0, errors: [], refused: [] };

globalThis.WebSocket = class extends WebSocket {
  constructor(...address) {
    super(...address);
    seen.sockets += 1;
    // Node before 22 says that nobody answers, but not, as browsers do, that it is closed then.
    this.addEventListener("close", () => { this.isOver = true; });
    this.addEventListener("error", () => setImmediate(() => {
      if (!this.isOver) this.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "" }));
    }));
  }
};

// The clock of those in a hurry runs fast, for the datafeed alone.
const clock = `const setTimeout = (call, ms) => globalThis.setTimeout(call, ms / ${hurry});`;
const address = `${url}/static/datafeed.js`;
const source = (await (await fetch(address)).text()).replace("import.meta.url", JSON.stringify(address));
const module = `data:text/javascript,${encodeURIComponent(clock + source)}`;
const { Datafeed } = await import(module);

const next = (list) => (list.length > 1 ? list.shift() : list[0]);
const { tokens, tickets } = options;
if (tokens) {
  options.token = (refused) => {
    seen.refused.push(refused ?? null);
    return next(tokens);
  };
}
if (tickets) {
  // Of a server of its own, which has these tokens.
  options.ticket = async () => {
    const headers = { authorization: `Bearer ${next(tickets)}` };
    return (await (await fetch(`${url}/api/v1/auth/ws-ticket`, { method: "POST", headers })).json()).ticket;
  };
}
const datafeed = new Datafeed({
  onReset: () => charts.forEach((chart) => chart.resetData()),
  onError: (error) => seen.errors.push(error.message),
  ...options,
});

class Chart {
  bars = [];
  #cacheIsGood = true;

  constructor(info, resolution, feed = datafeed) {
    this.info = info;
    this.resolution = resolution;
    this.feed = feed;
  }

  async read() {
    this.bars = (await this.#ask({ from: 0, to: Math.floor(Date.now() / 1000), countBack: 329, firstDataRequest: true })).bars;
  }

  #ask(period) {
    seen.reads += 1;
    return new Promise((resolve, reject) => {
      this.feed.getBars(this.info, this.resolution, period, (bars, meta) => {
        if (bars.some((bar, i) => i > 0 && bar.time <= bars[i - 1].time)) seen.violations += 1;
        resolve({ bars, meta });
      }, (reason) => reject(new Error(reason)));
    });
  }

  /** To the first bar there is. */
  async scroll() {
    for (;;) {
      const to = this.bars.length > 0 ? this.bars[0].time / 1000 : 0;
      const { bars, meta } = await this.#ask({ from: 0, to, countBack: 300, firstDataRequest: false });
      if (meta.noData) return meta;
      this.bars = [...bars, ...this.bars];
    }
  }

  subscribe() {
    this.id = `${this.info.name}_${Math.random()}`;
    this.feed.subscribeBars(this.info, this.resolution, (bar) => this.#tick(bar), this.id, () => {
      seen.resets += 1;
      this.#cacheIsGood = false;
    });
  }

  #tick(bar) {
    const last = this.bars.at(-1);
    if (last !== undefined && bar.time < last.time) seen.violations += 1;
    else if (last?.time === bar.time) this.bars[this.bars.length - 1] = bar;
    else this.bars.push(bar);
  }

  async resetData() {
    if (this.#cacheIsGood) return;
    this.#cacheIsGood = true;
    const first = this.bars[0]?.time;
    // The library may go on with the subscription it has, or begin another one.
    const another = options.resubscribes;
    if (another) this.feed.unsubscribeBars(this.id);
    await this.read();
    if (another) this.subscribe();
    if (first < this.bars[0]?.time) await this.scroll();
  }

  close() {
    this.feed.unsubscribeBars(this.id);
  }
}

const called = (call) => new Promise((resolve, reject) => call(resolve, (reason) => reject(new Error(reason))));
const resolved = (name, feed = datafeed) => called((resolve, reject) => feed.resolveSymbol(name, resolve, reject));
const charts = [];
const quotes = new Map();

globalThis.document = { title: "" };
globalThis.TradingView = {
  widget: class {
    constructor({ datafeed: feed, symbol, interval }) {
      feed.onReady(async () => {
        const chart = new Chart(await resolved(symbol, feed), interval, feed);
        charts.push(chart);
        await chart.read();
        chart.subscribe();
      });
    }

    activeChart() {
      return charts[0];
    }
  },
};

const commands = {
  configuration: () => called((resolve) => datafeed.onReady(resolve)),
  search: ({ query = "", exchange = "", type = "" }) => called((resolve) => datafeed.searchSymbols(query, exchange, type, resolve)),
  resolve: ({ symbol }) => resolved(symbol),
  time: () => called((resolve) => datafeed.getServerTime(resolve)),
  marks: async ({ symbol, resolution }) => {
    const info = await resolved(symbol);
    return called((resolve) => datafeed.getTimescaleMarks(info, 0, 2 ** 40, resolve, resolution));
  },
  read: async ({ symbol, resolution, ...period }) => {
    const info = { ticker: symbol };
    return called((resolve, reject) => datafeed.getBars(info, resolution, period, (bars, meta) => resolve({ bars, meta }), reject));
  },
  begin: async ({ symbol, resolution }) => {
    const chart = new Chart(await resolved(symbol), resolution);
    await chart.read();
    charts.push(chart);
  },
  follow: () => charts.at(-1).subscribe(),
  open: async (given) => {
    await commands.begin(given);
    commands.follow();
  },
  scroll: ({ chart = 0 }) => charts[chart].scroll(),
  bars: ({ chart = 0 }) => charts[chart].bars,
  close: ({ chart = 0 }) => charts[chart].close(),
  quotes: ({ symbols }) => called((resolve, reject) => datafeed.getQuotes(symbols, resolve, reject)),
  watch: ({ symbols }) => datafeed.subscribeQuotes(symbols, [], (news) => news.forEach((one) => quotes.set(one.n, one)), "watchlist"),
  unwatch: () => datafeed.unsubscribeQuotes("watchlist"),
  watched: () => Object.fromEntries(quotes),
  // The script of a page, which imports the datafeed from where it stands.
  run: async ({ script }) => {
    await import(`data:text/javascript,${encodeURIComponent(script.replace(address, module))}`);
  },
  charts: () => charts.length,
  title: () => document.title,
  seen: () => seen,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = { done: (await commands[command](given)) ?? null };
  } catch (error) {
    answer = { failed: error.message };
  }
  console.log(JSON.stringify(answer));
}
process.exit();
