import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath, URL } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { type Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const api = process.env['API_ADDRESS'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  base: './', // the page may be served from any folder
  plugins: [vue(), precache()],
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    outDir: 'dist/page', // dist itself holds what is committed: see web.go
    target: 'es2022',
    assetsInlineLimit: 0, // data: addresses are outside of default-src 'self'
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', sw: 'src/worker/sw.ts' },
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  define: { __VUE_OPTIONS_API__: 'false' },
  server: { proxy: { '/api': { target: api, changeOrigin: false } } },
  test: { include: ['src/**/*.test.ts'], restoreMocks: true },
})

/** Tells the service worker which files the build wrote, and names their version by a hash of them all. */
function precache(): Plugin {
  return {
    name: 'precache',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const hash = createHash('sha256')
        const files: string[] = []
        for (const file of Object.values(bundle).sort((a, b) => (a.fileName < b.fileName ? -1 : 1))) {
          hash.update(file.fileName).update(file.type === 'asset' ? file.source : file.code)
          if (file.fileName.startsWith('assets/')) files.push(file.fileName)
        }
        for (const name of readdirSync('public').sort()) {
          if (name === 'config.json' || name === 'robots.txt') continue
          hash.update(name).update(readFileSync(`public/${name}`))
          files.push(name)
        }
        const worker = bundle['sw.js']
        if (worker?.type !== 'chunk') throw new Error('the build has no sw.js')
        if (worker.imports.length > 0) throw new Error(`sw.js imports ${worker.imports.join(', ')}; it must stand alone`)
        const list = JSON.stringify({ version: hash.digest('hex').slice(0, 16), files })
        if (!worker.code.includes('__PRECACHE__')) throw new Error('sw.js does not read __PRECACHE__')
        worker.code = worker.code.replaceAll('__PRECACHE__', () => list)
      },
    },
  }
}
