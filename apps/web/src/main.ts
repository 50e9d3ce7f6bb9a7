import 'todomvc-app-css/index.css'
import './assets/page.css'
import { createApp, type Component } from 'vue'
import App from './components/App.vue'

createApp(App as Component).mount('#app')
