/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type PluginOption } from "vite";
import { phonePlugins } from "./vite.phone.ts";

/** `vite build --mode desk` and `--mode m`: one application each, served at /desk/ and /m/. */
const APPLICATIONS = new Set(["desk", "m"]);
const source = fileURLToPath(new URL("src", import.meta.url));
/** Styles that the board serves as they are. */
const styles = fileURLToPath(new URL("../services/gateway/board/assets", import.meta.url));

export default defineConfig(({ mode }) => {
  const application = APPLICATIONS.has(mode) ? mode : "desk";
  const plugins: PluginOption[] = [vue(), ...(application === "m" ? phonePlugins() : [])];
  const target = process.env.XIANJIE_API ?? "http://127.0.0.1:8000";
  return {
    root: fileURLToPath(new URL(application, import.meta.url)),
    base: `/${application}/`,
    plugins,
    resolve: { alias: { "@board": styles, "@": source } },
    server: { fs: { allow: ["../.."] }, proxy: { "/api": target, "/docs": target } },
    build: {
      outDir: fileURLToPath(new URL(`${process.env.XIANJIE_PAGES_OUT ?? "dist"}/${application}`, import.meta.url)),
      emptyOutDir: true,
      assetsDir: "assets",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: application === "m" ? ["chrome79", "safari14"] : ["chrome94", "safari15"],
      chunkSizeWarningLimit: 900,
      reportCompressedSize: false,
    },
    test: { root: fileURLToPath(new URL(".", import.meta.url)), environment: "happy-dom", include: ["src/**/*.test.ts"] },
  };
});
