import { getHeapStatistics } from 'node:v8';

/** How large V8 lets the heap grow, in bytes (`--max-old-space-size`, or what it takes of the machine or the container). */
export const heapLimitBytes = (): number => getHeapStatistics().heap_size_limit;
