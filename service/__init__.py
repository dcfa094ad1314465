"""The online half: loads verified bundles and answers generate, score and encode over HTTP."""
