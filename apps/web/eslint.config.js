import js from '@eslint/js'
import globals from 'globals'
import pluginVue from 'eslint-plugin-vue'
import accessibility from 'eslint-plugin-vuejs-accessibility'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const network = ['fetch', 'EventSource', 'XMLHttpRequest', 'WebSocket']

export default defineConfig(
  { ignores: ['dist/', 'reports/', 'e2e/results/', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  pluginVue.configs['flat/recommended'],
  accessibility.configs['flat/recommended'],
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] }, parser: tseslint.parser, extraFileExtensions: ['.vue'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // All words are in src/words.
      'vue/no-bare-strings-in-template': ['error', { allowlist: ['×', '✎', '.', '·'] }],
      // Translators replace text nodes. Vue updates an element's only text by textContent, but text next to elements in the node that it created.
      'vue/no-restricted-syntax': ['error', { selector: 'VElement:has(> VElement) > VExpressionContainer', message: 'Give a text beside elements an element of its own.' }],
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'never', normal: 'any' } }],
      // A label by its "for" attribute is enough, as in TodoMVC's markup.
      'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] } }],
      // TodoMVC's specification requires the focus in the page's field.
      'vuejs-accessibility/no-autofocus': 'off',
    },
  },
  {
    // Only src/api uses the network.
    files: ['src/**'],
    ignores: ['src/api/**', 'src/worker/**', '**/*.test.ts'],
    rules: { 'no-restricted-globals': ['error', ...network.map((name) => ({ name, message: 'Only src/api talks to the network.' }))] },
  },
  { files: ['*.js'], extends: [tseslint.configs.disableTypeChecked] },
)
