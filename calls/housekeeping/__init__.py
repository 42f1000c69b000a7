"""Work outside calls: repairs, dead letters, announcements to callers whom no agent could take."""
