/** Passkeys: what the server asks for goes to the browser, what the browser made comes back as JSON (WebAuthn Level 3, 5.1.8 and 5.1.9). */
import type { components } from "@/generated/identity";
import { Problem, request } from "./api";

export type Assertion = components["schemas"]["Assertion"];
export type Proof = components["schemas"]["FactorProof"];
export type RequestOptions = PublicKeyCredentialRequestOptionsJSON;
type Created = components["schemas"]["PasskeyCreated"];
type Options<T> = { public_key: T };

const BASE = "/api/v1/auth/second-factor/passkeys";

/** Whether this browser and this address can use the passkeys of a relying party: its rp id, or an address of it. */
export function canUsePasskeys(party: string | undefined): boolean {
  if (!party || !("PublicKeyCredential" in window)) return false;
  const id = party.includes("://") ? new URL(party).hostname : party;
  return location.hostname === id || location.hostname.endsWith(`.${id}`);
}

/** Makes a passkey and registers it; answers recovery codes when it is the first second factor. */
export async function registerPasskey(name: string, proof?: Proof): Promise<string[]> {
  const { public_key: asked } = await request<Options<PublicKeyCredentialCreationOptionsJSON>>("POST", `${BASE}/registration-options`, { body: proof });
  const publicKey = {
    ...asked,
    challenge: decode(asked.challenge),
    user: { ...asked.user, id: decode(asked.user.id) },
    excludeCredentials: asked.excludeCredentials?.map(describe),
  } as PublicKeyCredentialCreationOptions;
  const made = await ask(() => navigator.credentials.create({ publicKey }));
  const response = made.response as AuthenticatorAttestationResponse;
  const credential = {
    id: made.id,
    type: made.type,
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
      transports: typeof response.getTransports === "function" ? response.getTransports() : [],
    },
  };
  return (await request<Created>("POST", BASE, { body: { name, credential } })).codes;
}

/** Proves by a passkey that its holder is here. */
export async function provePasskey(): Promise<Proof> {
  const { public_key: asked } = await request<Options<RequestOptions>>("POST", `${BASE}/assertion-options`);
  return { passkey: await signChallenge(asked) };
}

/** Has a passkey sign; a Problem when its holder gave up. */
export async function signChallenge(asked: RequestOptions): Promise<Assertion> {
  const publicKey = { ...asked, challenge: decode(asked.challenge), allowCredentials: asked.allowCredentials?.map(describe) } as PublicKeyCredentialRequestOptions;
  const signed = await ask(() => navigator.credentials.get({ publicKey }));
  const response = signed.response as AuthenticatorAssertionResponse;
  return {
    id: signed.id,
    type: "public-key",
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle ? encode(response.userHandle) : null,
    },
  };
}

async function ask(work: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    return (await work()) as PublicKeyCredential;
  } catch (error) {
    const known = error instanceof DOMException && error.name === "InvalidStateError";
    throw new Problem(400, { title: "没有用成通行密钥", detail: known ? "这台设备已经登记过通行密钥。" : "没有用成通行密钥：可能是取消了，或者等得太久。请再试一次。" });
  }
}

function describe(one: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  return { ...one, id: decode(one.id) } as PublicKeyCredentialDescriptor;
}

export function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
}

export function encode(content: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(content), (one) => String.fromCharCode(one)).join("");
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
