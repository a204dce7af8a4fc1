// A client of the gateway: documents with types in, answers with types out, and every refusal an exception.
import type { TypedDocumentString } from "./documents.ts";

const PAUSES_S = [0.5, 1, 2, 4]; // before each further attempt

type GraphQLError = { message: string; extensions: { code: string; requestId: string } };

/** The gateway did not do what it was asked, and says why. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

export class Gateway {
  readonly #url: string;
  #token: string | null;

  /** An API key, or nothing until somebody signs in. */
  constructor(url: string, token: string | null = null) {
    this.#url = url;
    this.#token = token;
  }

  /** Show the token of a session from now on. A page keeps it in memory, and nowhere else. */
  use(token: string | null): void {
    this.#token = token;
  }

  /** The data of an answer. A gateway that is busy or away is asked again: every change may be repeated. */
  async ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
    const body = JSON.stringify({ query: document.toString(), variables });
    for (let attempt = 0; ; attempt++) {
      const pause = PAUSES_S[attempt];
      let response: Response;
      try {
        response = await fetch(this.#url, { method: "POST", headers: this.#headers(), body });
      } catch (error) {
        if (pause === undefined) throw new Refused("UNREACHABLE", `${this.#url} does not answer: ${reason(error)}`);
        await seconds(pause);
        continue;
      }
      if ((response.status === 429 || response.status === 503) && pause !== undefined) {
        await seconds(Number(response.headers.get("Retry-After") ?? pause));
        continue;
      }
      return await dataOf<Data>(response);
    }
  }

  #headers(): Record<string, string> {
    const headers = { Accept: "application/graphql-response+json", "Content-Type": "application/json" };
    return this.#token === null ? headers : { ...headers, Authorization: `Bearer ${this.#token}` };
  }
}

async function dataOf<Data>(response: Response): Promise<Data> {
  let answer: { data?: Data | null; errors?: GraphQLError[] };
  try {
    answer = (await response.json()) as typeof answer;
  } catch {
    throw new Refused("NO_ANSWER", `Status ${response.status} without an answer: is this the address of the API?`);
  }
  const [error] = answer.errors ?? [];
  if (error !== undefined) {
    throw new Refused(error.extensions.code, `${error.message} (request ${error.extensions.requestId})`);
  }
  return answer.data as Data;
}

function reason(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
