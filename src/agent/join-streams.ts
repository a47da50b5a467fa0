import type { ByteStream } from '../ports/byte-stream.ts';

/** Passes everything on both ways, the end as well. */
export function joinStreams(one: ByteStream, other: ByteStream): void {
  passOn(one, other);
  passOn(other, one);
}

function passOn(from: ByteStream, to: ByteStream): void {
  from.listen({
    data: (bytes) => {
      if (!to.write(bytes)) from.pause();
    },
    drained: () => to.resume(),
    ended: (end) => to.close(end),
  });
}
