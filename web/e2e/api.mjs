/* The API as the tests use it: to prepare what a person finds, and to check what was done. */
import assert from "node:assert/strict";

export const URL_OF_RUN = process.env.XIANJIE_URL ?? "http://127.0.0.1:8000";
export const STORY_PASSWORD = "Zeku-2023-505";
export const DEMO_PASSWORD = "Xianjie-2022";

export class Account {
  constructor(name, password = name.startsWith("zeku.") ? STORY_PASSWORD : DEMO_PASSWORD, url = URL_OF_RUN) {
    Object.assign(this, { name, password, url, token: "" });
  }

  async request(method, path, body, headers = {}) {
    if (!this.token) await this.signIn();
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json", ...headers },
    });
    if (answer.status === 401 && !headers.again) {
      // Whoever signs out at a desk ends the account's other sessions too.
      this.token = "";
      return this.request(method, path, body, { ...headers, again: "1" });
    }
    const text = await answer.text();
    const found = text ? JSON.parse(text) : null;
    return { status: answer.status, body: found, tag: answer.headers.get("etag") };
  }

  async signIn() {
    const form = new URLSearchParams({ grant_type: "password", username: this.name, password: this.password });
    const answer = await fetch(`${this.url}/api/v1/auth/token`, { method: "POST", body: form });
    assert.equal(answer.status, 200, `${this.name} cannot sign in`);
    this.token = (await answer.json()).access_token;
  }

  async get(path) {
    const answer = await this.request("GET", path);
    assert.equal(answer.status, 200, `GET ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async post(path, body = {}, headers = {}) {
    const answer = await this.request("POST", path, body, headers);
    assert.ok(answer.status < 300, `POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async upload(service, name, content, region) {
    if (!this.token) await this.signIn();
    const path = `${this.url}/api/v1/${service}/files?${new URLSearchParams({ name, region })}`;
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/pdf" };
    const answer = await fetch(path, { method: "POST", body: content, headers });
    assert.equal(answer.status, 201, `${name}: ${answer.status}`);
    return answer.json();
  }
}
