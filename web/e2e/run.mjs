/* `npm run e2e`: a fresh system with the story in it, the tests in a real browser against it, and its end. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBrowser } from "./browser.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HERE = fileURLToPath(new URL(".", import.meta.url));
const PYTHON = process.env.PYTHON ?? join(ROOT, ".venv", "bin", "python");
const wanted = [...process.argv.slice(2), ...(process.env.XIANJIE_SPECS ?? "").split(" ").filter(Boolean)];
const WITHOUT_BROWSER = ["watermelon.test.mjs"];
/** Specs that share accounts run one after another; these two groups share none whose sessions end. */
const LANES = [/^desk-(?!screens)/, /^(?!desk-)|^desk-screens/];
/** The receiver of pushed events is a program of the tests. */
const PUSHING = { XIANJIE_WEBHOOK_HTTP: "true", XIANJIE_WEBHOOK_NETWORKS: '["127.0.0.0/8"]', XIANJIE_WEBHOOK_PORTS: "[]" };
/** An outline of the story's county, drawn for the tests. */
const CORNERS = [[101, 34.9], [102, 34.9], [102, 35.6], [101, 35.6], [101, 34.9]];
const OUTLINES = { type: "FeatureCollection", features: [{ type: "Feature", properties: { code: "632323000000" }, geometry: { type: "Polygon", coordinates: [CORNERS] } }] };
const hasBrowser = Boolean(findBrowser());

if (!hasBrowser) {
  console.error("没有 Chromium，浏览器测试没有运行：请 apt-get install chromium，或用 CHROMIUM=路径 指定");
  if (process.env.XIANJIE_BROWSER === "required") process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "xianjie-e2e-"));
const outlines = join(folder, "outlines.json");
writeFileSync(outlines, JSON.stringify(OUTLINES));
const MAP = { XIANJIE_MAP_OUTLINES: outlines, XIANJIE_MAP_REVIEW_NUMBER: "测试用图" };
const system = spawn(PYTHON, ["-m", "embedded", "--port", "0", "--var", join(folder, "var")], {
  cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...PUSHING, ...MAP, XIANJIE_RATES: JSON.stringify({ sign_in: "1000/minute" }) },
});
let code;
try {
  const url = await readAddress(system);
  await run(PYTHON, ["-m", "operations.demo", "--url", url], "ignore");
  const files = readdirSync(HERE).filter((name) => name.endsWith(".test.mjs") && (!wanted.length || wanted.some((one) => name.includes(one))) && (hasBrowser || WITHOUT_BROWSER.includes(name)));
  const lanes = LANES.map((lane) => files.filter((name) => lane.test(name))).filter((lane) => lane.length);
  code = Math.max(...(await Promise.all(lanes.map((lane) => play(lane, url)))));
} finally {
  system.kill("SIGTERM");
  await new Promise((done) => (system.exitCode === null ? system.once("exit", done) : done()));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);

function readAddress(process_) {
  return new Promise((found, failed) => {
    let text = "";
    process_.stdout.on("data", (part) => {
      text += part;
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
      if (match) found(match[0]);
    });
    process_.once("exit", () => failed(new Error(`the system did not start: ${text}`)));
  });
}

/** Plays specs one after another; what they say stands together, however long the others take. */
async function play(names, url) {
  const report = join(folder, `${names[0]}.txt`);
  const options = ["--test", "--test-concurrency=1", "--test-reporter=spec", `--test-reporter-destination=${report}`];
  const status = await run(process.execPath, [...options, ...names.map((name) => join(HERE, name))], "inherit", { XIANJIE_URL: url, PYTHON, XIANJIE_ROOT: ROOT });
  process.stdout.write(readFileSync(report, "utf-8"));
  return status;
}

function run(program, options, output, extra = {}) {
  return new Promise((done, failed) => {
    const child = spawn(program, options, { cwd: ROOT, stdio: ["ignore", output, "inherit"], env: { ...process.env, ...extra } });
    child.once("exit", (status) => (program === PYTHON && status ? failed(new Error(`${options.join(" ")}: ${status}`)) : done(status ?? 1)));
  });
}
