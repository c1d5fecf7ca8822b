"""Actions and auth of the public record and of one's own data."""
