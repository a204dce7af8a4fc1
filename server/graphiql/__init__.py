"""GraphiQL: the page that browsers get at `/graphql`, and how it is built."""
