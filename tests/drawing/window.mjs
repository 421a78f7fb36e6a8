// A window without a screen, with lightweight-charts in it.

import { JSDOM } from "jsdom";
import { Live } from "./live.js";
import { obey } from "./told.js";

const { url } = JSON.parse(process.argv[2]);

const { window } = new JSDOM('<div id="chart"></div>', { url, pretendToBeVisual: true });
// What jsdom has none of, and the library asks for: it draws, and nobody looks.
const pen = new Proxy({ measureText: (text) => ({ width: 6 * text.length }) }, {
  get: (own, name) => own[name] ?? (() => pen),
  set: () => true,
});
window.HTMLCanvasElement.prototype.getContext = () => pen;
window.matchMedia = () => ({ addListener() {}, removeListener() {}, addEventListener() {}, removeEventListener() {} });
for (const name of ["document", "location", "navigator", "HTMLElement", "Node", "requestAnimationFrame", "cancelAnimationFrame"]) {
  Object.defineProperty(globalThis, name, { value: window[name] });
}
globalThis.window = window;

const faults = [];
window.addEventListener("error", (event) => faults.push(event.message)); // while it draws

const library = await import("lightweight-charts");
const { Stream } = await import(`data:text/javascript,${encodeURIComponent(await (await fetch(`${url}/static/datafeed.js`)).text())}`);
const types = {
  candlestick: library.CandlestickSeries,
  bar: library.BarSeries,
  line: library.LineSeries,
  area: library.AreaSeries,
  baseline: library.BaselineSeries,
  histogram: library.HistogramSeries,
};
const get = async (path) => (await fetch(`${url}/api/v1${path}`)).json();
const stream = new Stream(`${url.replace("http", "ws")}/ws`);
let chart, series, live;

function begin(type) {
  chart?.remove();
  live?.stop();
  chart = library.createChart(window.document.getElementById("chart"), { width: 800, height: 400 });
  series = chart.addSeries(types[type]);
}

const commands = {
  /** All that a page of history has. */
  show: async ({ path, type }) => {
    begin(type);
    series.setData((await get(path)).items);
    return series.data();
  },
  follow: ({ path, type, source }) => {
    begin(type);
    const read = (before) => get(`${path}${path.includes("?") ? "&" : "?"}before=${before}`);
    live = new Live(series, stream, { type, source, read });
    chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range?.from < 10 && live.older());
  },
  scroll: () => chart.timeScale().setVisibleLogicalRange({ from: 0, to: 50 }),
  data: () => series.data(),
  seen: () => ({ kinds: live.kinds, faults: [...faults, ...live.faults], hasMore: live.hasMore }),
  /** Whether this is the library that looks at what it is given. */
  refuses: ({ type, items }) => {
    begin(type);
    series.setData(items);
  },
};

await obey(commands);
process.exit();
