import 'todomvc-app-css/index.css'
import './assets/page.css'
import { createApp, type Component } from 'vue'
import { loadConfig } from './api/config'
import { finishSignIn } from './api/signIn'
import App from './components/App.vue'
import { failed } from './failed'
import { openDatabase } from './outbox/database'
import { followKey, open } from './opened'
import { useLanguage } from './words'

// Not at the top level: parts import from this file, and would wait for it while it waits for them.
async function start() {
  await useLanguage().catch(console.error) // then the page is in English

  // The page then offers to sign in again.
  await finishSignIn(async () => (await loadConfig()).signIn).catch(console.error)

  const database = openDatabase()
  database.catch(() => undefined) // handled where the database is used
  const opened = await open(database)
  followKey(opened)

  const app = createApp(App as Component, { database, opened })
  app.config.errorHandler = (cause) => {
    console.error(cause)
    failed(cause)
  }
  app.mount('#app')
}

start().catch(failed)
