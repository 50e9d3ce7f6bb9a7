/** Thrown if a part of the page cannot be loaded: without a network, or if the server has only a newer version. */
export class PartMissing extends Error {
  override readonly name = 'PartMissing'
}

/** Returns a part of the page when it is loaded, and removes the message about a missing one. Throws PartMissing. */
export async function part<T>(loading: Promise<T>): Promise<T> {
  try {
    const loaded = await loading
    document.querySelector('.failed.missing')?.remove()
    return loaded
  } catch (cause) {
    throw new PartMissing('a part of the page could not be loaded', { cause })
  }
}
