// The page for people: picks an agent, talks to it, and shows a run while it happens. It asks the API what any client may ask,
// and whatever an agent says becomes text, never markup.

const $ = (id) => document.getElementById(id);
const page = { agent: null, run: null, follow: null, tries: 0, online: true };

/** An element with properties and children. Texts are text nodes. */
function el(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(properties.data ?? {})) element.dataset[key] = value;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const agentPath = (...parts) => ["agents", page.agent, ...parts].map(encodeURIComponent).join("/");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const many = (count, one, more) => `${count} ${count === 1 ? one : more}`;
const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
function say(text) { $("spoken").textContent = text; }

// --- asking ---------------------------------------------------------------------------------------------------------------

/** What the API says is wrong. */
class Refused extends Error {
  constructor(problem) { super(problem.detail ?? problem.title); this.problem = problem; }
}

async function ask(path, { method = "GET", body, accept = "application/json", headers = {}, signal } = {}) {
  headers = { Accept: accept, ...headers };
  if ($("token").value) headers.Authorization = `Bearer ${$("token").value}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name !== "AbortError") online(false);
    throw error;
  }
  online(true);
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: `The server answered ${response.status}.`, status: response.status }));
  if (response.status === 401) askForToken();
  throw new Refused(problem);
}

const json = async (path, options) => (await ask(path, options)).json();

function askForToken() {
  state("failed", "Access needed");
  $("access").open = true;
  $("token").focus();
}

function online(is) {
  if (page.online === is) return;
  page.online = is;
  $("offline").hidden = is;
  if (!is) { state("failed", "Offline"); comeBack(); }
}

async function comeBack() {
  while (!page.online) {
    await sleep(2000);
    await load().catch(() => {});
  }
}

function state(kind, text) {
  $("state").dataset.state = kind;
  $("state").textContent = text;
}

// --- agents, runs, approvals ------------------------------------------------------------------------------------------------

/** All agents, part by part. */
async function everybody() {
  const all = [];
  for (let from = ""; ; ) {
    const { agents, next } = await json(`agents?limit=200${from}`);
    all.push(...agents);
    if (!next) return all;
    from = `&from=${encodeURIComponent(next)}`;
  }
}

async function load() {
  const agents = await everybody();
  const before = page.agent ?? place().agent;
  $("agent").replaceChildren(...agents.map(({ id }) => el("option", { value: id, textContent: id })));
  if (agents.length === 0) {
    state("failed", "No agent");
    $("about").textContent = "No agent is served here";
    $("description").textContent = "Give the runtime an Agent, and it shows up here.";
    return;
  }
  const known = agents.find(({ id }) => id === before) ?? agents[0];
  $("agent").value = known.id;
  await choose(known.id, place().run);
}

async function choose(agent, run) {
  const other = page.agent !== agent;
  page.agent = agent;
  const status = await json(agentPath("status"));
  state("ready", "Ready");
  $("about").textContent = `Talk to ${agent}`;
  const tools = status.tools.length === 0 ? "It may use no tools." : `It may use ${status.tools.join(", ")}.`;
  $("description").textContent = [status.description, tools].filter(Boolean).join(" ");
  $("examples").replaceChildren(...status.tools.slice(0, 4).map(example));
  if (run) await open(run);
  else if (other) fresh();
  await lists();
}

function example(tool) {
  return el("button", {
    type: "button", className: "plain", textContent: `${tool}:…`,
    onclick: () => { $("input").value = `${tool}:`; $("input").focus(); curl(); },
  });
}

async function lists() {
  const [runs, sessions, approvals] = await Promise.all(
    [agentPath("runs"), agentPath("sessions"), agentPath("approvals")].map((path) => json(path).catch(() => ({}))),
  );
  $("runs").replaceChildren(...(runs.runs ?? []).slice(0, 30).map(row));
  $("no-runs").hidden = (runs.runs ?? []).length > 0;
  $("sessions").replaceChildren(...(sessions.sessions ?? []).map((value) => el("option", { value })));
  const waiting = approvals.approvals ?? [];
  $("waiting").hidden = waiting.length === 0;
  $("approvals").replaceChildren(...waiting.map(({ request }) =>
    entry(request.run, "running", `May it call ${request.tool}?`, request.askedAtMs)));
}

function row(run) {
  const what = inputs.of(run.run) ?? run.output ?? run.problem?.title ?? "A run";
  return entry(run.run, run.state, what, run.accepted_at);
}

function entry(run, kind, what, time) {
  const button = el("button", { type: "button", onclick: () => open(run).catch(trouble) },
    el("span", { className: "dot", data: { state: kind } }),
    el("span", { className: "what", textContent: what }),
    el("span", { className: "hidden", textContent: kind }),
    el("time", { textContent: clock(time) }));
  button.setAttribute("aria-current", String(run === page.run));
  return el("li", {}, button);
}

/** What was said in this tab, so that a run is shown with it after a reload. */
const inputs = {
  of: (run) => sessionStorage.getItem(`input ${run}`),
  keep: (run, input) => sessionStorage.setItem(`input ${run}`, input),
};

// --- where we are: the part of the address behind `#` ------------------------------------------------------------------------

function place() {
  const parts = new URLSearchParams(location.hash.slice(1));
  return { agent: parts.get("agent"), run: parts.get("run") };
}

function mark() {
  const parts = new URLSearchParams({ agent: page.agent });
  if (page.run) parts.set("run", page.run);
  history.replaceState(null, "", `#${parts}`);
}

function clear(run) {
  page.follow?.abort();
  page.follow = new AbortController();
  page.run = run;
  $("timeline").replaceChildren();
  $("working").hidden = true;
  $("empty").hidden = run !== null;
  mark();
  return { answer: null, calls: new Map(), last: null, ended: false, signal: page.follow.signal };
}

function fresh() {
  clear(null);
  current();
}

function current() {
  for (const button of document.querySelectorAll("nav .list button")) button.setAttribute("aria-current", "false");
}

// --- runs --------------------------------------------------------------------------------------------------------------------

async function send() {
  const input = $("input").value;
  if (!input.trim() || !page.agent) return;
  const view = clear("");
  page.run = null;
  said(input);
  working("Waiting for its turn");
  $("input").value = "";
  curl();
  try {
    const response = await ask(agentPath("observe"), {
      method: "POST", body: body(input), accept: "text/event-stream", signal: view.signal,
    });
    await follow(view, response, (run) => { inputs.keep(run, input); page.run = run; mark(); lists(); });
  } catch (error) {
    if (error.name === "AbortError") return;
    working(null);
    // What was not taken is not lost.
    if (!$("input").value) $("input").value = input;
    trouble(error);
  }
  lists();
}

function body(input) {
  const session = $("session").value.trim();
  return session ? { input, session } : { input };
}

/** Shows a run that is kept: all that happened, and what still happens. */
async function open(run) {
  const view = clear(run);
  const input = inputs.of(run);
  if (input) said(input);
  for (const button of document.querySelectorAll("nav .list button")) button.setAttribute("aria-current", "false");
  try {
    await follow(view, await events(view, run));
  } catch (error) {
    if (error.name !== "AbortError") trouble(error);
  }
  if (!view.signal.aborted) lists();
}

const events = (view, run) => ask(agentPath("runs", run, "events"), {
  accept: "text/event-stream", signal: view.signal, headers: view.last ? { "Last-Event-ID": view.last } : {},
});

/** Shows events until the run ends. A stream that breaks off is taken up where it broke. */
async function follow(view, response, started = () => {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      for await (const { id, data } of messages(response)) {
        if (view.signal.aborted) return;
        const event = JSON.parse(data);
        if (event.type === "started") started(event.run);
        show(view, event);
        if (id) view.last = id;
        tries = 0;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    if (view.ended || view.signal.aborted) return;
    if (!page.run || tries >= 8) throw new Refused({ title: "The connection broke off.", detail: "Open the run again from the list." });
    working("Connecting again");
    await sleep(Math.min(4000, 250 * 2 ** tries));
    response = await events(view, page.run).catch((error) => {
      if (error instanceof Refused || error.name === "AbortError") throw error;
      return null;
    });
  }
}

/** The messages of a stream of events (WHATWG HTML, section 9.2). */
async function* messages(response) {
  if (!response) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", id = null, data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines.map((line) => line.replace(/\r$/, ""))) {
      const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "id") id = text;
      else if (field === "data") data.push(text);
      else if (line === "" && data.length > 0) {
        yield { id, data: data.join("\n") };
        data = [];
      }
    }
  }
}

/** One event of a run. */
function show(view, event) {
  const end = () => { view.answer = null; };
  switch (event.type) {
    case "started": return working("Working");
    case "model_delta":
      view.answer ??= add("answer");
      view.answer.append(event.text);
      return bottom();
    case "model_reset":
      view.answer?.remove();
      return end();
    case "tool_call": end(); return called(view, event);
    case "approval_requested": end(); return asked(view, event);
    case "approval_granted": return granted(view, event);
    case "tool_result": end(); return result(view, event);
    case "completed": return completed(view, event.response);
    case "failed":
      view.ended = true;
      working(null);
      return problem(event.problem);
    default: return undefined;
  }
}

function add(kind, ...children) {
  const item = el("li", { className: kind }, ...children);
  $("timeline").append(item);
  bottom();
  return item;
}

function bottom() {
  const run = $("run");
  run.scrollTop = run.scrollHeight;
}

function said(input) {
  $("empty").hidden = true;
  add("said", input);
}

function working(text) {
  $("working").hidden = text === null;
  if (text !== null) $("doing").textContent = text;
  $("cancel").hidden = !page.run;
}

function step(view, { call, tool }, what) {
  view.calls.get(call)?.remove();
  const title = el("div", { className: "title" }, what, el("b", { textContent: tool }));
  const item = add("step", title);
  view.calls.set(call, item);
  return item;
}

function called(view, event) {
  const item = step(view, event, "Calls");
  item.append(el("pre", { textContent: shown(event.arguments) }));
  working(`Waiting for ${event.tool}`);
  say(`Calls ${event.tool}`);
}

function result(view, { call, tool, output, failed }) {
  const known = view.calls.get(call);
  const item = known && !known.classList.contains("ask") ? known : step(view, { call, tool }, failed ? "Did not call" : "Called");
  item.dataset.state = failed ? "failed" : "done";
  item.append(el("pre", { className: "outcome", textContent: shown(output) }));
  working("Working");
  say(failed ? `${tool} gave no result` : `${tool} answered`);
  bottom();
}

function completed(view, { output, usage }) {
  view.ended = true;
  working(null);
  if (!view.answer || view.answer.textContent !== output) {
    view.answer?.remove();
    add("answer", output);
  }
  const facts = usage && [
    `${(usage.duration_us / 1e6).toLocaleString([], { maximumFractionDigits: 3 })} s`,
    usage.turns ? many(usage.turns, "question to the model", "questions to the model") : null,
    usage.tool_calls ? many(usage.tool_calls, "tool call", "tool calls") : null,
    usage.input_tokens ? `${usage.input_tokens + usage.output_tokens} tokens` : null,
  ].filter(Boolean).join(" · ");
  if (facts) add("facts", facts);
  say(`The agent answered: ${output.slice(0, 400)}`);
}

function problem({ title, detail, code, policy, rule }) {
  const source = policy ? `ToolPolicy ${policy}${rule ? `, rule ${rule}` : ""}` : null;
  add("problem", el("h3", { textContent: title ?? "It failed" }), el("p", { textContent: detail ?? "" }),
    el("p", { className: "facts", textContent: [source, code].filter(Boolean).join(" · ") }));
  say(`Failed: ${detail ?? title}`);
}

function trouble(error) {
  working(null);
  if (error instanceof Refused) problem(error.problem);
  else if (error instanceof TypeError) problem({ title: "The server does not answer", detail: "Your message may not have been taken. When the server is back, look under Runs before you send it again." });
  else throw error;
}

// --- approvals ---------------------------------------------------------------------------------------------------------------

function asked(view, { call, request }) {
  const by = request.askedBy.map(({ policy, rule }) => (rule ? `${policy}, rule ${rule}` : policy)).join("; ");
  const quorum = request.quorum > 1 ? `${request.quorum} people have to approve. ` : "";
  const name = el("input", { name: "user", value: sessionStorage.getItem("name") ?? "", maxLength: 256, autocomplete: "off" });
  // Who shows a token has a name already.
  const named = $("token").value === "" ? el("label", {}, "Your name", name) : null;
  const reason = el("input", { name: "reason", maxLength: 256, autocomplete: "off" });
  const told = el("p", { className: "because" });
  told.setAttribute("role", "status");
  const decide = (decision) => vote(request.name, { decision, user: name.value.trim(), reason: reason.value.trim() }, told);
  const heading = el("h3", { textContent: `May it call ${request.tool}?` });
  const item = add("ask", heading,
    el("pre", { textContent: shown(request.preview) }),
    el("p", { className: "because", textContent: `${quorum}Asked by ToolPolicy ${by}. Denied by itself at ${clock(request.expiresAtMs)}.` }),
    el("div", { className: "decide" },
      named, el("label", {}, "Why", reason),
      el("button", { type: "button", className: "deny", textContent: "Deny", onclick: () => decide("Deny") }),
      el("button", { type: "button", textContent: "Approve", onclick: () => decide("Approve") })),
    told);
  view.calls.set(call, item);
  working("Waiting for people");
  say(`${request.tool} waits for approval`);
  lists();
}

async function vote(name, { decision, user, reason }, told) {
  if (user) sessionStorage.setItem("name", user);
  const body = { decision, ...(user && { user }), ...(reason && { reason }) };
  try {
    const { state } = await json(agentPath("approvals", name), { method: "POST", body });
    told.textContent = state === "Waiting" ? "Noted. It waits for more people." : `${state}.`;
  } catch (error) {
    told.textContent = error instanceof Refused ? error.message : "The server does not answer; decide again when it is back.";
  }
}

function granted(view, { call, votes }) {
  const people = votes.map(({ user, reason }) => (reason ? `${user} (${reason})` : user)).join(", ");
  view.calls.get(call)?.remove();
  const item = add("step", el("div", { className: "title" }, "Approved by", el("b", { textContent: people })));
  item.dataset.state = "done";
  view.calls.delete(call);
  say(`Approved by ${people}`);
  lists();
}

// --- the request as a curl line ------------------------------------------------------------------------------------------------

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl() {
  const key = $("token").value ? ' \\\n  --header "Authorization: Bearer $TOKEN"' : "";
  const url = new URL(page.agent ? agentPath("observe") : "", location.href);
  url.hash = "";
  $("curl").textContent = `curl --no-buffer ${quoted(url.href)} \\
  --header 'Content-Type: application/json' \\
  --header 'Accept: text/event-stream'${key} \\
  --data ${quoted(JSON.stringify(body($("input").value)))}`;
}

async function copy() {
  await navigator.clipboard?.writeText($("curl").textContent).catch(() => {});
  $("copy").textContent = "Copied";
  await sleep(1500);
  $("copy").textContent = "Copy";
}

// --- what people do ------------------------------------------------------------------------------------------------------------

$("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("input").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
});
for (const id of ["input", "session", "token"]) $(id).addEventListener("input", curl);
$("token").addEventListener("change", () => load().then(curl, trouble));
$("agent").addEventListener("change", () => choose($("agent").value, null).then(curl, trouble));
$("fresh").addEventListener("click", () => { fresh(); $("input").focus(); });
$("copy").addEventListener("click", copy);
$("cancel").addEventListener("click", () => ask(agentPath("runs", page.run, "cancel"), { method: "POST" }).catch(trouble));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") $("access").open = false; });
window.addEventListener("hashchange", () => load().catch(trouble));

load().catch((error) => { if (error instanceof Refused && error.problem.status !== 401) trouble(error); }).finally(curl);
