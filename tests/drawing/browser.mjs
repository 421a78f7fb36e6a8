// A headless browser with one page.

import { chromium } from "playwright-core";
import { obey } from "./told.js";

const { executable, environment } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: executable,
  env: { ...process.env, ...environment },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ locale: "en-US", viewport: { width: 900, height: 500 } });
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));

const commands = {
  open: async ({ address }) => void (await page.goto(address)),
  evaluate: ({ expression }) => page.evaluate(expression),
  faults: () => faults,
  close: () => browser.close(),
};

await obey(commands);
process.exit();
