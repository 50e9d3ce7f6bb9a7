/** The modules of the share sheet, which are loaded together. */
export { default as ExportList } from './ExportList.vue'
export { default as MoveList } from './MoveList.vue'
export { default as ShareSheet } from './ShareSheet.vue'
