import 'todomvc-app-css/index.css'
import './assets/page.css'
import { createApp, type Component } from 'vue'
import App from './components/App.vue'
import { failed } from './failed'

const app = createApp(App as Component)
app.config.errorHandler = (cause) => {
  console.error(cause)
  failed()
}
app.mount('#app')
