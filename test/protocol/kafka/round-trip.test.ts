import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryStruct } from './arbitrary.ts';
import { allMessages, versionsOf } from './messages.ts';

const runs = 8;

test.each(
  allMessages.map((message) => [message.name, message] as const),
)('every version of %s reads back what it wrote', (_, message) => {
  for (const version of versionsOf(message)) {
    fc.assert(
      fc.property(arbitraryStruct(message.fields, version), (value) => {
        const bytes = message.encode(version, value);
        const back = message.decode(bytes, version);
        expect(back).toEqual({ ok: true, value });
        expect(message.encode(version, back.ok ? back.value : {}).equals(bytes)).toBe(true);
      }),
      { numRuns: runs },
    );
  }
});

test.each(
  allMessages.map((message) => [message.name, message] as const),
)('no version of %s reads past a cut, or throws for it', (_, message) => {
  for (const version of versionsOf(message)) {
    fc.assert(
      fc.property(arbitraryStruct(message.fields, version), fc.nat(), (value, at) => {
        const bytes = message.encode(version, value);
        if (bytes.length === 0) return;
        expect(message.decode(bytes.subarray(0, at % bytes.length), version).ok).toBe(false);
      }),
      { numRuns: 4 },
    );
  }
});

test.each(
  allMessages.map((message) => [message.name, message] as const),
)('rubbish makes %s answer, not throw and not hang', (_, message) => {
  for (const version of versionsOf(message)) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        const result = message.decode(Buffer.from(raw), version);
        if (!result.ok) expect(result.problem.kind).toBe('malformed');
      }),
      { numRuns: 8 },
    );
  }
});
