// What the first tab holds.
export const WELCOME = `# Sign in on the left, then run this: Ctrl+Enter.
# The list has examples, the book every type and field.
# Ctrl+Space completes, F1 lists commands.
{
  viewer {
    actor { displayName }
    organization { name }
  }
}
`;
