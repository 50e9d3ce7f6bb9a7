import { defineConfig } from '@playwright/test'
import type { Engine } from './e2e/person'

const machine = process.env['HEADLESS_SHELL'] ?? process.env['CHROMIUM']

export default defineConfig<object, Engine>({
  testDir: 'e2e',
  globalSetup: './e2e/build.ts',
  fullyParallel: true,
  forbidOnly: !!process.env['CI'],
  workers: '100%',
  retries: 0, // a test that passes at the second attempt has found a fault
  reporter: [['list'], ['junit', { outputFile: process.env['REPORT'] ?? 'reports/e2e.xml' }]],
  timeout: 240_000, // for long tests on a busy machine; the limits below end hanging steps
  expect: { timeout: 60_000 },
  projects: [
    { name: 'e2e', testMatch: /\.spec\.ts$/, outputDir: 'e2e/results/e2e' },
    // The engines that FIREFOX and WEBKIT_DRIVER name, or else those of `npx playwright install`.
    {
      name: 'firefox',
      testMatch: 'stories.spec.ts',
      outputDir: 'e2e/results/firefox',
      use: { browserName: 'firefox', launchOptions: { ...(process.env['FIREFOX'] && { executablePath: process.env['FIREFOX'] }), args: [] }, ...(process.env['FIREFOX'] && { channel: 'moz-firefox' }) },
    },
    {
      name: 'webkit',
      testMatch: 'stories.spec.ts',
      outputDir: 'e2e/results/webkit',
      use: { browserName: 'webkit', launchOptions: { args: [] }, driver: process.env['WEBKIT_DRIVER'] ?? '' },
    },
    // Used by targets of web.mk; not tests.
    { name: 'screenshots', testMatch: 'screenshots.ts', outputDir: 'e2e/results/screenshots' },
    { name: 'keycloak', testMatch: 'keycloak.ts', outputDir: 'e2e/results/keycloak' },
    { name: 'lighthouse', testMatch: 'lighthouse.ts', outputDir: 'e2e/results/lighthouse' },
  ],
  use: {
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    // The browser that HEADLESS_SHELL or CHROMIUM names, or else that of `npx playwright install chromium`.
    launchOptions: {
      ...(machine && { executablePath: machine }),
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
    // Snapshots of the DOM, but no videos, which would take as long as the tests.
    trace: { mode: 'retain-on-failure', screenshots: false },
  },
})
