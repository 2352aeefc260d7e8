// One question a line in, one answer a line out: whether a request is allowed, and which statements decided.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await runSimulation(JSON.parse(line), {})
  const said =
    answer.resultType === 'error'
      ? { error: answer.errors }
      : { result: answer.overallResult, ignored: answer.result?.ignoredContextKeys ?? [] }
  process.stdout.write(JSON.stringify(said) + '\n')
}
