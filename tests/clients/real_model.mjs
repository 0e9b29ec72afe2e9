// Serves a real model as OpenAI's chat completions, streamed and whole: real_model.mjs MODEL.gguf
// Listens on a free port of loopback, and prints its address when it is ready.
import {createServer} from 'node:http';
import {getLlama, LlamaChat, resolveChatWrapper} from 'node-llama-cpp';

const llama = await getLlama({gpu: false, build: 'never', progressLogs: false});
const model = await llama.loadModel({modelPath: process.argv[2]});
const context = await model.createContext({contextSize: 2048});
const sequence = context.getSequence();
const chat = new LlamaChat({contextSequence: sequence, chatWrapper: resolveChatWrapper(model)});

// One answer at a time: there is one sequence.
let last = Promise.resolve();

function history(messages) {
  return messages.map(({role, content}) =>
    role === 'assistant' ? {type: 'model', response: [content]} : {type: role, text: content});
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function answer(request, response) {
  const body = await read(request);
  const head = {id: 'chatcmpl-real', created: Math.floor(Date.now() / 1000), model: body.model};
  const chunk = (delta, reason = null) => ({...head, object: 'chat.completion.chunk', choices: [{index: 0, delta, finish_reason: reason}]});
  const send = (data) => response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  if (body.stream) {
    response.writeHead(200, {'content-type': 'text/event-stream'});
    send(chunk({role: 'assistant', content: ''}));
  }
  const before = sequence.tokenMeter.getState();
  const {response: text, metadata} = await chat.generateResponse(history(body.messages), {
    maxTokens: body.max_tokens ?? 64,
    temperature: body.temperature ?? 0,
    onTextChunk: body.stream ? (content) => send(chunk({content})) : undefined,
  });
  const used = sequence.tokenMeter.diff(before);
  const usage = {
    prompt_tokens: used.usedInputTokens,
    completion_tokens: used.usedOutputTokens,
    total_tokens: used.usedInputTokens + used.usedOutputTokens,
  };
  const reason = metadata.stopReason === 'maxTokens' ? 'length' : 'stop';
  if (body.stream) {
    send(chunk({}, reason));
    if (body.stream_options?.include_usage) send({...head, object: 'chat.completion.chunk', choices: [], usage});
    send('[DONE]');
    response.end();
  } else {
    response.writeHead(200, {'content-type': 'application/json'});
    const message = {role: 'assistant', content: text};
    response.end(JSON.stringify({...head, object: 'chat.completion', choices: [{index: 0, message, finish_reason: reason}], usage}));
  }
}

const server = createServer((request, response) => {
  last = last.then(() => answer(request, response)).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500, {'content-type': 'application/json'});
    response.end(JSON.stringify({error: {message: String(error), type: 'server_error'}}));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
