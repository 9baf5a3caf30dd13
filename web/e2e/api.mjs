/* The API as the tests use it: to prepare what a person finds, and to check what was done. */
import assert from "node:assert/strict";

export const URL_OF_RUN = process.env.XIANJIE_URL ?? "http://127.0.0.1:8000";
export const STORY_PASSWORD = "Zeku-2023-505";
export const DEMO_PASSWORD = "Xianjie-2022";

export class Account {
  constructor(name, password = name.startsWith("zeku.") ? STORY_PASSWORD : DEMO_PASSWORD, url = URL_OF_RUN) {
    Object.assign(this, { name, password, url, token: "" });
  }

  /** Whoever signs out at a desk ends the account's other sessions too: then it signs in again. */
  async send(path, options, headers) {
    for (let tries = 0; ; tries += 1) {
      if (!this.token) await this.signIn();
      const answer = await fetch(`${this.url}/api/v1${path}`, { ...options, headers: { ...headers, Authorization: `Bearer ${this.token}` } });
      if (answer.status !== 401 || tries) return answer;
      this.token = "";
    }
  }

  async request(method, path, body, headers = {}) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.send(path, { method, body: text }, { "Content-Type": "application/json", ...headers });
    const found = await answer.text();
    return { status: answer.status, body: found ? JSON.parse(found) : null, tag: answer.headers.get("etag") };
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
    const path = `/${service}/files?${new URLSearchParams({ name, region })}`;
    const answer = await this.send(path, { method: "POST", body: content }, { "Content-Type": "application/pdf" });
    assert.equal(answer.status, 201, `${name}: ${answer.status}`);
    return answer.json();
  }
}
