// Opens the page over the OpenAPI document in Chromium, and a WebSocket from it; prints what is seen, as JSON.
// Usage: browser.mjs URL AGENT
import { chromium } from "playwright-core";

const [url, agent] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  const complaints = [], asked = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${url}/docs`);
  await page.waitForSelector(".opblock", { timeout: 20000 });
  const operations = await page.locator(".opblock").count();
  const answer = await page.evaluate((agent) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/ws/agents/${agent}`, "skreaver.v1");
    socket.onopen = () => socket.send(JSON.stringify({ type: "observe", input: "uppercase:hello" }));
    socket.onerror = () => reject(new Error("the WebSocket failed"));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event?.type === "completed") resolve(message.event.response.output);
    };
  }), agent);
  const outside = asked.filter((address) => !address.startsWith(url) && !address.startsWith("data:"));
  console.log(JSON.stringify({ operations, answer, complaints, outside }));
} finally {
  await browser.close();
}
