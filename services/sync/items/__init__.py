"""Items (同步条目): one recorded request of a phone, played through the very route that answers it directly."""
