// Asks an agent with the official client of OpenAI for JavaScript: client.mjs URL AGENT [KEY FORBIDDEN].
//
// The agent has no model: it answers with what it is told, and `add:1 2` runs its tool. Prints one JSON object.

import OpenAI from "openai";

const [url, agent, apiKey = "unused", forbidden = null] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const HELLO = [{ role: "user", content: "Hello" }];

async function fails(call) {
  try {
    await call();
  } catch (error) {
    if (error instanceof OpenAI.APIError) return [error.constructor.name, error.code, error.param];
    throw error;
  }
  return null;
}

const said = [{ role: "system", content: "Be short." }, { role: "user", content: "add:1 2" }];
const whole = await client.chat.completions.create({ model: agent, messages: said });
const stream = client.chat.completions.stream({ model: agent, messages: HELLO, stream_options: { include_usage: true } });
let told = "";
stream.on("content", (delta) => (told += delta));
const final = await stream.finalChatCompletion();
const response = await client.responses.create({ model: agent, input: "Hello" });
const kinds = [];
let streamed = "";
for await (const event of await client.responses.create({ model: agent, input: "Hello", stream: true })) {
  kinds.push(event.type);
  if (event.type === "response.output_text.delta") streamed += event.delta;
}
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const nowhere = "resp_01900000-0000-7000-8000-000000000000";
const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0 });
const found = {
  models,
  model: (await client.models.retrieve(agent)).owned_by,
  whole: [whole.choices[0].message.content, whole.choices[0].finish_reason],
  streamed: [told, final.choices[0].finish_reason, final.usage.total_tokens],
  response: [response.output_text, response.status],
  "response streamed": [streamed, kinds[0], kinds.at(-1)],
  errors: [
    await fails(() => client.chat.completions.create({ model: "nobody", messages: HELLO })),
    await fails(() => client.models.retrieve("nobody")),
    await fails(() => client.chat.completions.create({ model: agent, messages: HELLO, n: 2 })),
    await fails(() => client.chat.completions.create({ model: agent, messages: [{ role: "user", content: "add:one" }] })),
    await fails(() => client.responses.create({ model: agent, input: "Hello", previous_response_id: nowhere })),
  ],
  refused: forbidden && [
    await fails(() => stranger.models.list()),
    await fails(() => stranger.chat.completions.create({ model: agent, messages: HELLO, stream: true })),
    await fails(() => client.responses.create({ model: forbidden, input: "Hello" })),
  ],
};
console.log(JSON.stringify(found));
