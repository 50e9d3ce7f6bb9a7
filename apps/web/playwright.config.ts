import { defineConfig } from '@playwright/test'
import type { Engine } from './e2e/person'

const machine = process.env['HEADLESS_SHELL'] ?? process.env['CHROMIUM']

export default defineConfig<object, Engine>({
  testDir: 'e2e',
  globalSetup: './e2e/build.ts',
  fullyParallel: true,
  forbidOnly: !!process.env['CI'],
  workers: '100%',
  retries: 0, // a test that passes at the second try has found something
  reporter: [['list'], ['junit', { outputFile: process.env['REPORT'] ?? 'reports/e2e.xml' }]],
  timeout: 240_000, // what hangs ends by the limits below; this one is for long tests on a machine that others use
  expect: { timeout: 60_000 },
  projects: [
    { name: 'e2e', testMatch: /\.spec\.ts$/, outputDir: 'e2e/results/e2e' },
    // Engines of the machine when FIREFOX and WEBKIT_DRIVER name them, else those that `npx playwright install` brings.
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
    // Targets of web.mk, not tests.
    { name: 'screenshots', testMatch: 'screenshots.ts', outputDir: 'e2e/results/screenshots' },
    { name: 'keycloak', testMatch: 'keycloak.ts', outputDir: 'e2e/results/keycloak' },
    { name: 'lighthouse', testMatch: 'lighthouse.ts', outputDir: 'e2e/results/lighthouse' },
  ],
  use: {
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    // A browser of the machine when HEADLESS_SHELL or CHROMIUM names one, else the one that `npx playwright install chromium` brings.
    launchOptions: {
      ...(machine && { executablePath: machine }),
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
    // Snapshots of the DOM, but no film: that would take as long as the tests.
    trace: { mode: 'retain-on-failure', screenshots: false },
  },
})
