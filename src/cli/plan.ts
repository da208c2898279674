/**
 * `hikube-kafka plan`: what would change where partitions live, why, and at what cost; and, told so, carries it out.
 * The cluster comes from a file (the JSON form of `placement/`) or from live brokers over the Kafka protocol.
 *
 * Exit codes: 0 done or nothing to do; 1 the cluster refused or could not be reached half-way; 2 wrong or impossible
 * input (the field is named), or a plan that can no longer be carried out; 130 interrupted.
 */
import { Command, CommanderError, Option } from 'commander';
import type { Operation } from '../placement/index.ts';
import { isPlanThread, serveThread } from '../placement/thread/index.ts';
import { compileAtOnceOnOneCore } from '../platform/index.ts';
import { cancelPlan, planAndShow, resumePlan } from './plan/commands.ts';
import { type CommonFlags, InputError, idsOf, namesOf, numberOf, wholeNumberOf } from './plan/options.ts';
import { planTopic } from './plan/topic.ts';
import { verifyReassignment } from './plan/verify.ts';

export async function run(args: readonly string[]): Promise<number> {
  if (isPlanThread()) {
    serveThread();
    return 0;
  }
  compileAtOnceOnOneCore();
  let code = 0;
  const program = new Command('hikube-kafka plan').description(
    'Plans where partitions live: shows what would move, why and at what cost; --execute carries it out.',
  );
  const add = (name: string, summary: string): Command =>
    withCommonOptions(program.command(name).description(summary).exitOverride());
  const act = (command: Command, operationOf: (flags: Flags) => Operation): Command =>
    command.action(async (flags: Flags) => {
      code = await planAndShow(operationOf(flags), flags);
    });

  act(
    add('rebalance', 'evens the load of brokers')
      .option('--topic <name>', 'only this topic, to within one replica')
      .option('--zone <name>', 'only between the brokers of this zone')
      .option('--leaders-only', 'only leaders, without copying a byte')
      .option('--relieve-disks <fraction>', 'only brokers whose disk is fuller than this, e.g. 0.8')
      .option('--copysets', 'onto few groups of brokers; needs --scatter-width'),
    rebalanceOf,
  );
  act(
    add('add', 'gives new brokers their share').requiredOption('--brokers <ids>', 'for example 4,5 or 4-9'),
    (flags) => ({
      kind: 'add',
      brokers: idsOf('--brokers', flags.brokers!),
    }),
  );
  act(
    add('remove', 'takes everything from brokers, leaders from brokers, or replicas from disks')
      .option('--brokers <ids>', 'for example 4,5 or 4-9')
      .option('--leaders-only', 'only leaders leave (maintenance), no bytes are copied')
      .option('--disks <paths>', 'log folders to empty; needs exactly one broker'),
    removeOf,
  );
  act(
    add('replace', "hands a broker's replicas to another")
      .requiredOption('--broker <id>', 'who goes')
      .requiredOption('--by <id>', 'who takes over')
      .option('--topics <names>', 'only these topics; the old broker stays'),
    (flags) => {
      const [broker] = idsOf('--broker', flags.broker!) as [number];
      const [by] = idsOf('--by', flags.by!) as [number];
      const topics = namesOf(flags.topics);
      return topics.length > 0 ? { kind: 'move', from: broker, to: by, topics } : { kind: 'replace', broker, by };
    },
  );
  act(
    add('zone', 'a zone is lost, is back, or brokers have another label')
      .option('--lost <zone>', 'all its brokers are dead')
      .option('--back <zone>', 'its brokers are there again and get their share')
      .option('--relabel <id=zone,...>', 'brokers that are in another zone now')
      .option('--repair', 'brings replicas of dead brokers and uneven zones in order'),
    zoneOf,
  );
  act(
    add('rf', 'changes the replication factor')
      .requiredOption('--factor <n>', 'replicas of each partition')
      .option('--topics <names>', 'only these topics'),
    (flags) => {
      const factor = wholeNumberOf('--factor', flags.factor!, { least: 1, most: 32 });
      const topics = namesOf(flags.topics);
      return { kind: 'replicationFactor', factor, ...(topics.length > 0 ? { topics } : {}) };
    },
  );
  add('topic', 'chooses brokers for a new topic')
    .requiredOption('--name <topic>', 'its name')
    .requiredOption('--partitions <n>', 'how many')
    .requiredOption('--factor <n>', 'replicas of each')
    .action(async (flags: Flags) => {
      code = await planTopic(flags);
    });
  act(add('explain', 'shows how the cluster stands, and changes nothing'), () => ({ kind: 'place' }));
  add('verify', 'checks a reassignment (--reassignment) or how far a plan is (--state)')
    .option('--reassignment <file>', 'in the form of kafka-reassign-partitions')
    .action(async (flags: Flags) => {
      code = await verifyReassignment(flags);
    });
  add('resume', 'begins or carries on with the plan in --state').action(async (flags: Flags) => {
    code = await resumePlan(flags);
  });
  add('cancel', 'cancels the copies of the plan in --state and takes its throttle away').action(
    async (flags: Flags) => {
      code = await cancelPlan(flags);
    },
  );

  program.exitOverride();
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.field}: ${error.message}\n`);
    return 2;
  }
  return code;
}

/** All flags of all subcommands; each subcommand has some. */
export type Flags = CommonFlags & {
  readonly topic?: string;
  readonly zone?: string;
  readonly leadersOnly?: boolean;
  readonly relieveDisks?: string;
  readonly copysets?: boolean;
  readonly brokers?: string;
  readonly disks?: string;
  readonly broker?: string;
  readonly by?: string;
  readonly topics?: string;
  readonly lost?: string;
  readonly back?: string;
  readonly relabel?: string;
  readonly repair?: boolean;
  readonly factor?: string;
  readonly name?: string;
  readonly partitions?: string;
  readonly reassignment?: string;
};

function withCommonOptions(command: Command): Command {
  return command
    .option('--cluster <file>', 'the cluster as JSON; - for stdin')
    .option('--bootstrap <host:port,...>', 'a live cluster')
    .addOption(
      new Option('--output <form>', 'for a person, for programs, or for kafka-reassign-partitions')
        .choices(['text', 'json', 'kafka', 'cluster'])
        .default('text'),
    )
    .option('--rates <file>', 'capacities and rates that a cluster does not tell, as JSON')
    .option('--sample <seconds>', 'how long to watch a live cluster for its rates', '0')
    .option('--dead <ids>', 'brokers of a live cluster that will not come back')
    .option('--pin <topics>', 'topics that must not move')
    .option('--seed <n>', 'of the search', '1')
    .option('--band <fraction>', 'how far from its share a broker may end', '0.05')
    .option('--trigger <fraction>', 'how far a broker must be from its share before anything moves', '0.12')
    .option('--max-bytes <bytes>', 'copy no more than this, e.g. 50Gi')
    .option('--max-moves <n>', 'copy no more replicas than this')
    .option('--batch-partitions <n>', 'partitions changed at once (1000)')
    .option('--moves-per-broker <n>', 'replicas copied at once to one broker (10)')
    .option(
      '--throttle <bytes/s>',
      'what each broker may send and receive for copies, e.g. 20M; none: as fast as it goes',
    )
    .option('--patience <seconds>', 'how long a cluster or broker may be away while the plan is carried out', '600')
    .option('--same-zone', 'put a second copy into a zone where a zone is lost')
    .option('--scatter-width <n>', 'peers of a broker in copyset mode')
    .option('--execute', 'carry the plan out (needs --bootstrap)')
    .option('--approve <hash>', 'carry it out only if the plan has this hash')
    .option('--state <file>', 'where the plan is kept, for resume, cancel and verify')
    .option(
      '--earlier <file>',
      'the last plan of this operation, as --state or --output json wrote it: what it left undone is carried on with, and noise since then moves nothing',
    );
}

function rebalanceOf({ topic, zone, leadersOnly, relieveDisks, copysets }: Flags): Operation {
  if (relieveDisks !== undefined) {
    return { kind: 'relieve', use: numberOf('--relieve-disks', relieveDisks, { least: 0.01, most: 1 }) };
  }
  if (copysets === true) return { kind: 'copysets' };
  return {
    kind: 'rebalance',
    ...(topic === undefined ? {} : { topic }),
    ...(zone === undefined ? {} : { zone }),
    ...(leadersOnly === true ? { leadersOnly } : {}),
  };
}

function removeOf({ brokers, disks, leadersOnly }: Flags): Operation {
  if (brokers === undefined) throw new InputError('--brokers', 'name the brokers that lose their replicas');
  const ids = idsOf('--brokers', brokers);
  if (disks !== undefined) {
    if (ids.length !== 1) throw new InputError('--brokers', 'disks belong to one broker: name exactly one');
    return { kind: 'removeDisks', broker: ids[0]!, paths: namesOf(disks) };
  }
  return leadersOnly === true ? { kind: 'drainLeaders', brokers: ids } : { kind: 'remove', brokers: ids };
}

function zoneOf({ lost, back, relabel, repair }: Flags): Operation {
  const given = [lost, back, relabel, repair].filter((flag) => flag !== undefined);
  if (given.length !== 1) {
    throw new InputError('--lost', 'say one of --lost ZONE, --back ZONE, --relabel ID=ZONE,... and --repair');
  }
  if (lost !== undefined) return { kind: 'zoneLost', zone: lost };
  if (back !== undefined) return { kind: 'zoneBack', zone: back };
  if (repair === true) return { kind: 'repair' };
  const brokers = namesOf(relabel).map((pair) => {
    const [, id, zone] = /^(\d+)=(.+)$/.exec(pair) ?? [];
    if (id === undefined) throw new InputError('--relabel', `"${pair}" is not ID=ZONE`);
    return { id: Number(id), zone: zone! };
  });
  return { kind: 'zoneRelabel', brokers };
}
