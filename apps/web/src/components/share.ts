/** What the share sheet consists of: loaded together. */
export { default as ExportList } from './ExportList.vue'
export { default as MoveList } from './MoveList.vue'
export { default as ShareSheet } from './ShareSheet.vue'
