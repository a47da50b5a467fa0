export function printScale(size: string): void {
  console.log(size);
}
