/** A part of the page that is loaded when it is needed did not come: there is no network, or the server has a newer version only. */
export class PartMissing extends Error {
  override readonly name = 'PartMissing'
}

/** Returns a part of the page when it is loaded, and removes the message that one is missing. Throws PartMissing. */
export async function part<T>(loading: Promise<T>): Promise<T> {
  try {
    const loaded = await loading
    document.querySelector('.failed.missing')?.remove()
    return loaded
  } catch (cause) {
    throw new PartMissing('a part of the page could not be loaded', { cause })
  }
}
