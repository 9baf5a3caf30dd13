/* What a person does on the phone, by what stands on its screen. */
import assert from "node:assert/strict";
import { STORY_PASSWORD, URL_OF_RUN } from "./api.mjs";
import { openDevice, PIXEL } from "./browser.mjs";

/** The village committee of the story's post, and a place 25 m beside it. */
export const AT_POST = { longitude: 101.5989, latitude: 35.2582, accuracy: 12 };

export async function openPhone(profile) {
  return openDevice({ ...PIXEL, geolocation: AT_POST, permissions: ["geolocation"] }, profile);
}

/** No network at all: neither for the page nor for its service worker. */
export async function cutLine(phone) {
  await phone.context.route("**/api/v1/**", (route) => route.abort("internetdisconnected"));
  await phone.context.setOffline(true);
}

export async function restoreLine(phone) {
  await phone.context.unroute("**/api/v1/**");
  await phone.context.setOffline(false);
}

export async function signIn(page, name, password = STORY_PASSWORD) {
  await page.goto(`${URL_OF_RUN}/m/`);
  await page.getByLabel("账号").fill(name);
  await page.getByLabel("密码").fill(password);
  await page.getByRole("button", { name: "登录", exact: true }).click();
  await page.getByRole("navigation", { name: "主导航" }).waitFor();
  // The first start fetches everything that is needed without a network.
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await waitUntilIdle(page);
}

/** Until everything is sent and read: the button says so. */
export async function waitUntilIdle(page) {
  await openTab(page, "待发送");
  await page.getByRole("button", { name: "现在发送" }).waitFor({ timeout: 30_000 });
  await page.getByText("上次连上").waitFor({ timeout: 30_000 });
}

export async function openTab(page, name) {
  await page.getByRole("navigation", { name: "主导航" }).getByRole("link", { name }).click();
}

export async function setTime(page, moment) {
  await page.clock.setFixedTime(new Date(moment));
}

/** Chooses or types by the label of each field. */
export async function fill(page, fields) {
  for (const [label, value] of Object.entries(fields)) {
    const field = page.getByLabel(label, { exact: true }).or(page.getByLabel(`${label}（可不填）`, { exact: true })).first();
    const tag = await field.evaluate((one) => one.tagName);
    if (tag === "SELECT") await field.selectOption({ label: value });
    else await field.fill(value);
  }
}

/** A real photo: what is on the screen now, as JPEG. */
export async function addPhoto(page, name = "现场.jpg") {
  const buffer = await page.screenshot({ type: "jpeg", quality: 60 });
  const before = await page.getByRole("button", { name: /^去掉第/ }).count();
  await page.locator("input[type=file]").setInputFiles({ name, mimeType: "image/jpeg", buffer });
  await page.waitForFunction((count) => document.querySelectorAll(".shots li").length > count, before);
}

export async function readQueue(page) {
  await openTab(page, "待发送");
  const items = await page.locator("article.q").all();
  return Promise.all(items.map(async (one) => ({
    title: await one.locator("h3").innerText(), fate: await one.locator(".st").innerText(), text: await one.innerText(),
  })));
}

export function assertFates(items, expected) {
  const found = items.map((one) => `${one.title} | ${one.fate}`).sort();
  assert.deepEqual(found, [...expected].sort());
}
