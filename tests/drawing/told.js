// Does what lines on stdin say, and answers each by one on stdout.

import { createInterface } from "node:readline";

export async function obey(commands) {
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
}
