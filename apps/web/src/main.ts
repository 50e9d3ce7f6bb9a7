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

// Not at the top level: parts that it waits for import from this file, and would wait for its end.
async function start() {
  await useLanguage().catch(console.error) // then it speaks English

  // The issuer's reason stays in the console: the page then offers to sign in again.
  await finishSignIn(async () => (await loadConfig()).signIn).catch(console.error)

  const database = openDatabase()
  database.catch(() => undefined) // told where it is needed
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
