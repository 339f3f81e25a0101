import unittest

from mapping import verdict


class Verdict(unittest.TestCase):
    def test_the_ticket_is_read(self):
        self.assertEqual(verdict(201, b'{"id":"T-7"}'), ("accepted", {"ticket": "T-7"}))

    def test_a_busy_help_desk_is_asked_again_and_any_other_trouble_is_told(self):
        self.assertEqual(verdict(503, b"busy")[0], "retry")
        self.assertEqual(verdict(404, b""), ("failed", "the help desk answers 404"))
        for body in [b"{}", b"null", b"<html>", b"\xff", b""]:
            self.assertEqual(verdict(200, body), ("failed", "the answer has no id"))


if __name__ == "__main__":
    unittest.main()
