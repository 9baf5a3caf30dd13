/* Writes src/generated/<service>.d.ts from the OpenAPI documents in docs/openapi. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import openapi, { astToString } from "openapi-typescript";

const documents = new URL(process.env.XIANJIE_OPENAPI ?? "../docs/openapi/", import.meta.url);
const target = new URL("src/generated/", import.meta.url);

await mkdir(target, { recursive: true });
for (const name of (await readdir(documents)).filter((one) => one.endsWith(".json"))) {
  const document = JSON.parse(await readFile(new URL(name, documents), "utf-8"));
  const text = astToString(await openapi(document));
  await writeFile(new URL(name.replace(".json", ".d.ts"), target), text);
}
