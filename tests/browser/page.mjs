// Drives the page at `/` in a real browser, as a person would: URL of a runtime, folder for screenshots. Each claim that does
// not hold ends it. The agent `amber` asks people about `uppercase`, and says whatever `reverse` gives. With an API key after the
// folder, the runtime asks for one.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [url, pictures, key] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const usual = { viewport: { width: 1180, height: 760 }, reducedMotion: "reduce" };

/** A new tab; whatever goes wrong in it is kept. */
async function tab(options = {}, state = "Ready") {
  const context = await browser.newContext({ ...usual, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push(String(error)));
  page.on("console", (line) => { if (line.type() === "error") page.wrong.push(line.text()); });
  page.on("dialog", (dialog) => { page.wrong.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!request.url().startsWith(url)) page.wrong.push(`asked ${request.url()}`); });
  await page.goto(url);
  await page.getByText(state, { exact: true }).waitFor();
  return page;
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` });
}

/** No violation of what axe knows of WCAG 2.2, A and AA, and of good practice. */
async function accessible(page, where) {
  // Evaluated as a debugger does: the page's own policy lets no script in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
  assert.deepEqual(told, [], `${where} is not accessible`);
}

async function talk(page, text) {
  await page.getByLabel("Message to the agent").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

const open = {
  async "an empty page says what one can do"() {
    const page = await tab();
    await page.getByRole("heading", { name: "Talk to amber" }).waitFor();
    await page.getByText("No run yet.").waitFor();
    await accessible(page, "the empty page");
    await picture(page, "empty");
    return page;
  },

  async "talk, watch, approve, reload and find it again"() {
    const page = await tab();
    await talk(page, "uppercase:quarry, it's 7");
    await page.getByRole("heading", { name: "May it call uppercase?" }).waitFor();
    await page.getByText("Asked by ToolPolicy care, rule loud.").waitFor();
    await accessible(page, "a page that waits");
    await page.getByText("As a curl line").click();
    await picture(page, "approval");
    await page.getByLabel("Your name").fill("ann");
    await page.getByLabel("Why").fill("it is a test");
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("ann (it is a test)").waitFor();
    await page.locator(".answer", { hasText: "QUARRY, IT'S 7" }).waitFor();
    await accessible(page, "a page with an answer");
    await picture(page, "answer");
    await page.reload();
    await page.locator(".answer", { hasText: "QUARRY, IT'S 7" }).waitFor();
    await page.locator(".said", { hasText: "quarry" }).waitFor();
    // Another tab knows the run too, though not what was typed in this one.
    const other = await tab();
    await other.getByRole("navigation", { name: "Runs" }).getByRole("button", { name: /completed/ }).first().click();
    await other.locator(".answer", { hasText: "QUARRY, IT'S 7" }).waitFor();
    await other.close();
    return page;
  },

  async "a denied call and a failed run say why"() {
    const page = await tab();
    await talk(page, "uppercase:no");
    await page.getByRole("button", { name: "Deny" }).click();
    await page.locator(".problem").waitFor();
    await accessible(page, "a failed run");
    await picture(page, "failed");
    return page;
  },

  async "what an agent says is text"() {
    const page = await tab();
    // Turned round it is markup that would run.
    const markup = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    await talk(page, `reverse:${[...markup].reverse().join("")}`);
    await page.locator(".answer", { hasText: markup }).waitFor();
    assert.equal(await page.locator("#run img, #run script").count(), 0);
    return page;
  },

  async "the keyboard is enough"() {
    const page = await tab();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    for (let tries = 0; tries < 9 && (await page.evaluate(() => document.activeElement.id)) !== "input"; tries += 1) {
      await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.type("uppercase:keys");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "May it call uppercase?" }).waitFor();
    const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.name);
    for (let tries = 0; tries < 20 && (await focused()) !== "Approve"; tries += 1) await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(), "Approve");
    await page.keyboard.press("Enter");
    await page.locator(".answer", { hasText: "KEYS" }).waitFor();
    return page;
  },

  async "the curl line is the request"() {
    const page = await tab();
    await page.getByLabel("Message to the agent").fill("reverse:it's");
    await page.getByLabel("Session").fill("s-1");
    await page.getByText("As a curl line").click();
    const line = await page.getByLabel("The request as a curl line").textContent();
    const { execFileSync } = await import("node:child_process");
    const told = execFileSync("sh", ["-c", `${line} --silent --max-time 10`]).toString();
    assert.match(told, /s'ti/);
    return page;
  },

  async "a token is sent and not kept"() {
    const page = await tab();
    await page.getByText("Access", { exact: true }).click();
    const [asked] = await Promise.all([
      page.waitForRequest((request) => new URL(request.url()).pathname === "/agents"),
      page.getByLabel("Token or API key").fill("skr_basalt").then(() => page.keyboard.press("Tab")),
    ]);
    assert.equal(asked.headers().authorization, "Bearer skr_basalt");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes("basalt"), kept);
    await accessible(page, "the field for a token");
    return page;
  },

  async "a server that is away is told, and its return"() {
    const page = await tab();
    await page.route("**/agents/**", (route) => route.abort());
    await page.route("**/agents?*", (route) => route.abort());
    await talk(page, "reverse:abc");
    await page.getByText("The server does not answer. Trying again…").waitFor();
    await accessible(page, "a page without a server");
    await picture(page, "offline");
    assert.equal(await page.getByLabel("Message to the agent").inputValue(), "reverse:abc");
    page.wrong = page.wrong.filter((line) => !line.includes("ERR_FAILED"));
    await page.unrouteAll();
    await page.getByText("Ready", { exact: true }).waitFor();
    page.wrong = page.wrong.filter((line) => !line.includes("ERR_FAILED"));
    return page;
  },

  async "it is as good in the dark and on a telephone"() {
    const dark = await tab({ colorScheme: "dark" });
    await dark.getByRole("navigation", { name: "Runs" }).getByRole("button", { name: /keys/i }).first().click();
    await dark.locator(".answer").waitFor();
    await accessible(dark, "the dark page");
    await picture(dark, "dark");
    await dark.close();
    const page = await tab({ viewport: { width: 390, height: 760 } });
    await talk(page, "reverse:enohpelet");
    await page.locator(".answer", { hasText: "telephone" }).waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `it is ${wide} pixels too wide`);
    await accessible(page, "the narrow page");
    await picture(page, "narrow");
    return page;
  },
};

const guarded = {
  async "who has no key is asked for one, and who has one decides by its name"() {
    const page = await tab({}, "Access needed");
    assert.equal(await page.evaluate(() => document.activeElement.id), "token");
    await accessible(page, "a page that asks for a key");
    await picture(page, "access");
    await page.keyboard.type("skr_basalt");
    await page.keyboard.press("Enter");
    await page.getByText("Access needed", { exact: true }).waitFor();
    await page.getByLabel("Token or API key").fill(key);
    await page.keyboard.press("Tab");
    await page.getByText("Ready", { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    await talk(page, "uppercase:key");
    await page.getByRole("heading", { name: "May it call uppercase?" }).waitFor();
    assert.equal(await page.getByLabel("Your name").count(), 0);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText(/ann/).waitFor();
    await page.locator(".answer", { hasText: "KEY" }).waitFor();
    // A browser tells its console of each 401.
    page.wrong = page.wrong.filter((line) => !line.includes("401"));
    return page;
  },
};

for (const [name, claim] of Object.entries(key ? guarded : open)) {
  const page = await claim();
  assert.deepEqual(page.wrong, [], name);
  await page.context().close();
  console.log(`holds: ${name}`);
}
await browser.close();
