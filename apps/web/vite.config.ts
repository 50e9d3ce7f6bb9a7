import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, URL } from 'node:url'
import { Script } from 'node:vm'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import { build, type Plugin, type Rolldown } from 'vite'
import { defineConfig } from 'vitest/config'

const api = process.env['API_ADDRESS'] ?? 'http://127.0.0.1:8080'

// As in apps/web/README.md. For older browsers the build would replace `:dir()` by a list of languages, which ignores a title's direction.
const browsers = ['chrome120', 'firefox115', 'safari17']

const alias = { '@': fileURLToPath(new URL('src', import.meta.url)) }

export default defineConfig({
  base: './', // the page may be served from any directory
  plugins: [plainImports(), withoutUnused(), vue(), precache(), precompress()],
  resolve: { alias },
  build: {
    outDir: 'dist/page', // dist itself holds what is committed: see web.go
    target: browsers,
    assetsInlineLimit: 0, // data: addresses are outside of default-src 'self'
    license: { fileName: 'licenses.txt' }, // the scripts and styles have no notices
    modulePreload: false, // chunks are loaded at their first use, and load no other chunks
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        codeSplitting: { groups: [{ name: 'page', tags: ['$initial'] }] }, // a single initial file, whatever later chunks share with it
      },
    },
  },
  define: { __VUE_OPTIONS_API__: 'false' },
  server: { proxy: { '/api': { target: api, changeOrigin: false }, '/config.json': api } },
  test: { include: ['src/**/*.test.ts'], restoreMocks: true, testTimeout: 60_000, hookTimeout: 60_000 },
})

/** Loads a part by a plain import instead of Vite's helper of 0.5 KB, which waits for styles and preloads that the parts do not have. */
function plainImports(): Plugin {
  const id = '\0vite/preload-helper.js'
  return {
    name: 'plain-imports',
    apply: 'build',
    enforce: 'pre',
    resolveId: (source) => (source === id ? id : undefined),
    load: (source) => (source === id ? 'export const __vitePreload = (load) => load()' : undefined),
  }
}

/** Removes from TodoMVC's style the pictures, whose data: addresses default-src 'self' forbids (page.css has others), and what only older browsers need. */
function withoutUnused(): Plugin {
  const unused = /background-image: url\('data:[^']*'\);|-(webkit|moz)-text-rendering: \w+;|[^}]*::-(webkit-input|moz)-placeholder \{[^}]*\}/g
  return {
    name: 'without-unused',
    enforce: 'pre',
    transform: (code, id) => (id.endsWith('/todomvc-app-css/index.css') ? code.replaceAll(unused, '').replace('::input-placeholder', '::placeholder') : undefined),
  }
}

/** Builds the service worker with the list of the built files and a hash of them all. */
function precache(): Plugin {
  return {
    name: 'precache',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      async handler(_options, bundle) {
        const hash = createHash('sha256')
        const files: string[] = []
        for (const file of Object.values(bundle).sort((a, b) => (a.fileName < b.fileName ? -1 : 1))) {
          hash.update(file.fileName).update(file.type === 'asset' ? file.source : file.code)
          if (file.fileName.startsWith('assets/')) files.push(file.fileName)
        }
        for (const name of readdirSync('public').sort()) {
          if (['.well-known', 'config.json', 'robots.txt'].includes(name)) continue
          hash.update(name).update(readFileSync(`public/${name}`))
          files.push(name)
        }
        // As a separate classic script without imports, which not every browser's service workers support.
        const [{ output }] = (await build({
          configFile: false,
          logLevel: 'warn',
          publicDir: false,
          resolve: { alias },
          build: { write: false, target: browsers, lib: { entry: 'src/worker/sw.ts', name: 'worker', formats: ['iife'] } },
        })) as [Rolldown.RolldownOutput]
        const [{ code: worker }, ...others] = output
        if (others.length > 0) throw new Error(`sw.js imports ${others.map(({ fileName }) => fileName).join(', ')}; it must stand alone`)
        const list = JSON.stringify({ version: hash.update(worker).digest('hex').slice(0, 16), files })
        new Script(worker, { filename: 'sw.js' }) // throws unless it is a classic script
        if (!worker.includes('__PRECACHE__')) throw new Error('sw.js does not read __PRECACHE__')
        this.emitFile({ type: 'asset', fileName: 'sw.js', source: worker.replaceAll('__PRECACHE__', () => list) })
      },
    },
  }
}

/**
 * Writes X.br and X.gz beside each text file X of the page that gets smaller, except config.json, which
 * a deployment replaces.
 */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    writeBundle({ dir = '.' }) {
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(css|html|js|json|svg|txt|webmanifest)$/.test(name) || name === 'config.json') continue
        const body = readFileSync(join(dir, name))
        const brotli = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }) // quality 11
        const gzip = gzipSync(body, { level: 9 })
        if (brotli.length < body.length) writeFileSync(join(dir, `${name}.br`), brotli)
        if (gzip.length < body.length) writeFileSync(join(dir, `${name}.gz`), gzip)
      }
    },
  }
}
