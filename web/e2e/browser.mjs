/* The browser of the tests: a system Chromium, pages that refuse a CSP violation, checks that every screen passes. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const CANDIDATES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=zh-CN",
];
const axeSource = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf-8");
export const PICTURES = process.env.XIANJIE_PICTURES ?? "";

export const PIXEL = {
  viewport: { width: 393, height: 851 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "zh-CN",
  timezoneId: "Asia/Shanghai",
  userAgent: "Mozilla/5.0 (Linux; Android 14; Pixel 5) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
};
export const DESK = { viewport: { width: 1440, height: 900 }, locale: "zh-CN", timezoneId: "Asia/Shanghai" };

/** The browser's program; empty when this machine has none. */
export function findBrowser() {
  return CANDIDATES.find((one) => one && existsSync(one)) ?? "";
}

/** Collects what a page must never say. */
function watchPages(context) {
  const violations = [];
  const watch = (page) => {
    page.on("console", (message) => {
      const text = message.text();
      if (/Content.Security.Policy|Refused to/i.test(text)) violations.push(text);
    });
    page.on("pageerror", (error) => violations.push(`${page.url()}: ${error.message}`));
  };
  context.setDefaultTimeout(Number(process.env.XIANJIE_BROWSER_TIMEOUT_MS ?? 30_000));
  context.pages().forEach(watch);
  context.on("page", watch);
  return violations;
}

/** Several persons at desks of their own: each signs in once by `enter(page, name)` and keeps the page. */
export async function openOffice(options, enter) {
  const browser = await chromium.launch({ executablePath: findBrowser(), args: FLAGS, headless: true });
  const desks = new Map();
  return {
    as: async (name, ...more) => {
      if (!desks.has(name)) {
        const context = await browser.newContext(options);
        const violations = watchPages(context);
        const page = await context.newPage();
        desks.set(name, { page, violations });
        await enter(page, name, ...more);
      }
      return desks.get(name).page;
    },
    end: async () => {
      await browser.close();
      assert.deepEqual([...desks.values()].flatMap((one) => one.violations), [], "Content-Security-Policy or script errors");
    },
  };
}

/** A phone or a desk with a profile of its own, which outlives its windows: closing and opening again is a killed app. */
export async function openDevice(options, profile = mkdtempSync(join(tmpdir(), "xianjie-browser-"))) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findBrowser(), args: FLAGS, headless: true, serviceWorkers: "allow", ...options,
  });
  const violations = watchPages(context);
  return {
    context,
    profile,
    page: context.pages()[0] ?? (await context.newPage()),
    violations,
    /** Ends the app without a word to its page, in the middle of anything; the profile stays. */
    kill: async () => {
      // Closing a context ends its emulation first: a page still there would find a line and send.
      await Promise.all(context.pages().map((page) => page.goto("about:blank")));
      await context.close();
    },
    /** SIGKILL for every process of this browser, as a phone without power: nothing is written any more. */
    shoot: async () => {
      const own = execFileSync("pgrep", ["-f", "--", `--user-data-dir=${profile}`], { encoding: "utf-8" }).trim().split("\n");
      const ended = new Promise((done) => context.once("close", done));
      for (const id of own) process.kill(Number(id), "SIGKILL");
      await ended;
    },
    end: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
      assert.deepEqual(violations, [], "Content-Security-Policy or script errors");
    },
  };
}

/** What every screen passes: no serious finding of axe; no sideways scrolling, also at 360 px and in large type. */
export async function checkScreen(page, name) {
  const size = page.viewportSize();
  for (const [width, type] of [[360, "large"], [360, ""], [size.width, ""]]) {
    // High enough that no sticky bar lies over a target.
    await page.setViewportSize({ width, height: 2600 });
    await page.evaluate((kind) => { document.documentElement.dataset.type = kind; }, type);
    await assertFits(page, name);
  }
  assert.deepEqual(await findFaults(page), [], `${name}: axe`);
  await page.setViewportSize(size);
  await page.evaluate(() => { delete document.documentElement.dataset.type; });
  await settle(page);
}

async function assertFits(page, name) {
  await settle(page);
  const [over, type] = await page.evaluate(() => [document.documentElement.scrollWidth - document.documentElement.clientWidth, document.documentElement.dataset.type]);
  assert.ok(over <= 0, `${name} scrolls sideways by ${over}px at ${page.viewportSize().width}px ${type}`);
}

/** The hardest alone, for many screens in turn: the narrowest width, in large type, with axe. */
export async function checkSmallest(page, name) {
  await page.setViewportSize({ width: 360, height: 2600 });
  await page.evaluate(() => { document.documentElement.dataset.type = "large"; });
  await assertFits(page, name);
  assert.deepEqual(await findFaults(page), [], `${name} in large type: axe`);
}

async function findFaults(page) {
  // The page's policy allows no foreign script; the debugger's own evaluation is outside of it.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const options = { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"], resultTypes: ["violations"], preload: false, iframes: false };
  const found = await page.evaluate((given) => window.axe.run(document, given), options);
  const serious = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  return serious.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join("; ")}`);
}

async function settle(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** A picture for the documentation: written only when pictures are asked for. */
export async function takePicture(page, name, options = {}) {
  if (!PICTURES) return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: "disabled", ...options });
}
