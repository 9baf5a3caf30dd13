/* Every service in its own process behind Caddy: the desk signs in and lists, with the headers of one process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { DEMO_PASSWORD, URL_OF_RUN } from "./api.mjs";
import { openDesk, signInDesk } from "./desk.mjs";

const ROOT = process.env.XIANJIE_ROOT ?? join(import.meta.dirname, "..", "..");
const PYTHON = process.env.PYTHON ?? join(ROOT, ".venv", "bin", "python");
const OWN_OF_A_RUN = new Set(["date", "server", "via", "connection", "keep-alive", "transfer-encoding", "content-length", "x-request-id", "vary"]);
const PATHS = ["/desk/", "/m/", "/", "/api/v1/meta"];

async function readHeaders(url, path) {
  // Each end compresses in its own way, which its ETag says.
  const answer = await fetch(url + path, { headers: { "Accept-Encoding": "identity" } });
  const kept = [...answer.headers].filter(([name]) => !OWN_OF_A_RUN.has(name)).sort();
  return { status: answer.status, headers: Object.fromEntries(kept) };
}

function readAddress(system) {
  return new Promise((found, failed) => {
    let text = "";
    system.stdout.on("data", (part) => {
      text += part;
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
      if (match) found(match[0]);
    });
    system.once("exit", () => failed(new Error(`the processes did not start: ${text}`)));
  });
}

test("the desk through the door", async () => {
  const folder = mkdtempSync(join(tmpdir(), "xianjie-door-"));
  const system = spawn(PYTHON, ["-m", "embedded.processes", "--port", "0", "--var", join(folder, "var")], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = await readAddress(system);
    for (const path of PATHS) assert.deepEqual(await readHeaders(url, path), await readHeaders(URL_OF_RUN, path), path);
    const desk = await openDesk();
    await signInDesk(desk.page, "bureau", DEMO_PASSWORD, url);
    await desk.page.goto(`${url}/desk/list/project`);
    await desk.page.getByRole("heading", { name: "项目", level: 1 }).waitFor();
    await desk.page.getByText("还没有项目。").waitFor();
    await desk.end();
  } finally {
    system.kill("SIGTERM");
    await new Promise((done) => (system.exitCode === null ? system.once("exit", done) : done()));
    rmSync(folder, { recursive: true, force: true });
  }
});
