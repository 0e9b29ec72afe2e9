// The tool `uppercase` by the official TypeScript SDK, without sessions and with JSON answers, as ours is: PORT.

import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

const inputSchema = { text: z.string() };
const run = async ({ text }) => ({ content: [{ type: "text", text: text.toUpperCase() }] });

createServer(async (request, response) => {
  if (request.url === "/ready") return response.end("ok");
  // Without sessions a server belongs to one request, says the SDK.
  const server = new McpServer({ name: "floor", version: "1.0.0" });
  server.registerTool("uppercase", { description: "Turns letters into capitals.", inputSchema }, run);
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  response.on("close", () => { transport.close(); server.close(); });
  await server.connect(transport);
  await transport.handleRequest(request, response);
}).listen(Number(process.argv[2]), "127.0.0.1");
