"""The main job, played through the schema: people taken out of service and put back."""
