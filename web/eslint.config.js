import js from "@eslint/js";
import vue from "eslint-plugin-vue";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist/", "node_modules/", "src/generated/", "e2e/pictures/"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...vue.configs["flat/recommended"],
  { files: ["**/*.vue"], languageOptions: { parserOptions: { parser: ts.parser } } },
  { files: ["*.mjs", "e2e/**"], languageOptions: { globals: { process: "readonly", URL: "readonly", console: "readonly" } } },
  {
    rules: {
      // Types are checked by vue-tsc; formatting of templates is not the linter's.
      "no-undef": "off",
      "vue/multi-word-component-names": "off",
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/attributes-order": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/require-default-prop": "off",
      // The ideographic space is Chinese typography.
      "no-irregular-whitespace": "off",
      "vue/no-v-html": "error",
      "max-lines": ["error", 500],
    },
  },
);
