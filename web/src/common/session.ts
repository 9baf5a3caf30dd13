/** Who is signed in: tokens, refresh, the current person and what they may do. */
import { reactive, readonly, shallowRef } from "vue";
import type { components } from "@/generated/identity";
import { fetchPatiently, Problem, request, useTokens } from "./api";
import { type Keep, keepIn } from "./keep";
import type { Assertion, RequestOptions } from "./passkeys";

export type Me = components["schemas"]["Me"];
type TokenAnswer = components["schemas"]["TokenAnswer"];

/** What sign-in asks for next: nothing, the code of the second factor, a new password, or to enrol a second factor. */
export type SignInStep = "done" | "code" | "password" | "enrol";

const KEY = "xianjie.session";
const FIRST_PERSON = "xianjie.person";

const state = reactive({ me: null as Me | null, ended: false });
let access = "";
let storage: Keep = keepIn(sessionStorage);
let refreshing: Promise<boolean> | null = null;
let waiting: ((again: boolean) => void)[] = [];

export const session = readonly(state);
/** What a passkey would have to sign at this sign-in; null where the account has none. */
export const askedPasskey = shallowRef<RequestOptions | null>(null);

/** Keeps the session in `sessionStorage` (a shared computer) or in IndexedDB (a person's own phone: what is there outlives a killed browser). */
export function startSession(kept: Keep): void {
  storage = kept;
  useTokens({ access: () => access, refresh, ended: waitForSignIn });
}

export async function hasSession(): Promise<boolean> {
  return (await storage.get(KEY)) !== null;
}

/** Signs in, with a code or a passkey's signature where one is asked for; throws a Problem with the server's words when it is refused. */
export async function signIn(username: string, password: string, code = "", passkey: Assertion | null = null): Promise<SignInStep> {
  const form = new URLSearchParams({ grant_type: "password", username, password });
  if (code) form.set("otp", code);
  if (passkey) form.set("passkey", JSON.stringify(passkey));
  const answer = await askForToken(form);
  if (answer === "code") return "code";
  await keep(answer);
  if (answer.must_change) return "password";
  if (answer.must_enrol) return "enrol";
  return enter();
}

/** Goes on with a session that was without rights until a second factor was set up. */
export async function resumeSession(): Promise<SignInStep> {
  await refresh();
  return enter();
}

async function enter(): Promise<SignInStep> {
  await loadMe();
  state.ended = false;
  waiting.splice(0).forEach((resume) => resume(true));
  return "done";
}

/** Loads who is signed in; kept so that a phone without a network knows its person. */
export async function loadMe(): Promise<Me> {
  const me = await request<Me>("GET", "/api/v1/auth/me");
  state.me = me;
  await storage.set(FIRST_PERSON, JSON.stringify(me));
  return me;
}

/** The person of the last sign-in, read without a network. */
export async function recallMe(): Promise<Me | null> {
  const text = await storage.get(FIRST_PERSON);
  if (text && !state.me) state.me = JSON.parse(text) as Me;
  return state.me as Me | null;
}

export async function signOut(): Promise<void> {
  try {
    await request("POST", "/api/v1/auth/logout");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  } finally {
    await forget();
  }
}

export function can(permission: string): boolean {
  return state.me?.grants.some((grant) => permission in grant.permissions) ?? false;
}

async function forget(): Promise<void> {
  access = "";
  state.me = null;
  await Promise.all([storage.remove(KEY), storage.remove(FIRST_PERSON)]);
}

async function keep(answer: TokenAnswer): Promise<void> {
  access = answer.access_token;
  if (answer.refresh_token) await storage.set(KEY, answer.refresh_token);
}

/** Gets a new access token; requests that fail together share one refresh, because a refresh token counts once. */
function refresh(): Promise<boolean> {
  refreshing ??= exchangeToken().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function exchangeToken(): Promise<boolean> {
  const exchange = async (): Promise<boolean> => {
    const token = await storage.get(KEY);
    if (!token) return false;
    try {
      const answer = await askForToken(new URLSearchParams({ grant_type: "refresh_token", refresh_token: token }));
      if (answer === "code") return false;
      await keep(answer);
      return true;
    } catch (error) {
      if (error instanceof Problem && error.kind === "refused") {
        await storage.remove(KEY);
        return false;
      }
      throw error;
    }
  };
  // Several windows share what is kept: one at a time reads, exchanges and stores the token.
  return "locks" in navigator ? navigator.locks.request(KEY, exchange) : exchange();
}

function waitForSignIn(): Promise<boolean> {
  if (!state.me) return Promise.resolve(false);
  state.ended = true;
  return new Promise((resolve) => waiting.push(resolve));
}

/** Gives the lost session up: what waits for it is refused. */
export function leaveSession(): void {
  void forget();
  state.ended = false;
  waiting.splice(0).forEach((resume) => resume(false));
  waiting = [];
}

async function askForToken(form: URLSearchParams): Promise<TokenAnswer | "code"> {
  let answer: Response;
  try {
    answer = await fetchPatiently("/api/v1/auth/token", { method: "POST", body: form, headers: { "Accept-Language": "zh-CN" } });
  } catch {
    throw new Problem(0, { title: "没有网络", detail: "连不上服务器，请检查网络后再试。" });
  }
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (answer.ok) return body as unknown as TokenAnswer;
  askedPasskey.value = (body["passkey"] as RequestOptions | undefined) ?? null;
  if (body["error"] === "mfa_required") return "code";
  const detail = String(body["error_description"] ?? body["detail"] ?? "登录没有成功，请稍后再试。");
  throw new Problem(answer.status, { title: "登录没有成功", detail });
}
