export type ImageKind = 'qcow2' | 'raw' | 'iso' | 'unsuitable';

/** A file that a VM may be made of or have in its CD drive. */
export interface ImageFile {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** By its content, not by its name. */
  readonly kind: ImageKind;
  readonly sizeBytes: number;
  /** Of the disk in it; null for an ISO and for what is unsuitable. */
  readonly virtualSizeBytes: number | null;
  /** Completes "The image cannot be used: "; null unless it is unsuitable. */
  readonly reason: string | null;
  /** Milliseconds since 1970. */
  readonly modifiedAtMs: number;
}

export interface ImageContent {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
  /** Null: not known before its end. */
  readonly totalBytes: number | null;
  /** Called with all that has been written so far. */
  readonly onProgress?: (receivedBytes: number) => void;
}

/** The images of the cluster, in one directory of its volume. */
export interface Images {
  readonly directory: string;
  /** By name. Leaves out hidden files and what is no file. */
  list(): Promise<ImageFile[]>;
  /** Null: there is no such file. Throws INVALID_INPUT for what is there and no file that QEMU's user may read. */
  look(path: string): Promise<ImageFile | null>;
  /** On the volume, in bytes. */
  freeBytes(): Promise<number>;
  /**
   * Writes a new image; it has its name once all of it is safe on disk, and on any error nothing of it is left. Throws IMAGE_EXISTS,
   * NOT_ENOUGH_DISK_SPACE, INVALID_INPUT (its first bytes say that no VM can use it, or it ended early), DISK_FAILED.
   */
  receive(image: ImageContent): Promise<ImageFile>;
  /** Throws IMAGE_EXISTS or NOT_ENOUGH_DISK_SPACE if `receive` would at once. */
  requireRoom(name: string, totalBytes: number | null): Promise<void>;
  /** Throws IMAGE_NOT_FOUND. */
  remove(name: string): Promise<void>;
}

export interface OpenedSource {
  readonly content: AsyncIterable<Uint8Array>;
  readonly totalBytes: number | null;
}

/** Where images are downloaded from. */
export interface ImageSources {
  /**
   * Resolves once the server has begun to answer. Never connects to an address of the node itself, of its link, or of the cluster
   * (IMAGE_SOURCE_REFUSED), also not when a name or a redirection leads there. Throws INVALID_INPUT, IMAGE_DOWNLOAD_FAILED.
   */
  open(
    url: string,
    options: {
      /** When it resolves, the connection is closed, and the content ends with an error. */
      readonly cancelled: Promise<void>;
      readonly clusterAddresses: readonly string[];
    },
  ): Promise<OpenedSource>;
}
