"""What everybody tries first: words from which a password is not made by adding digits, signs or repetition."""

COMMON = frozenset(
    """
    abcdefghijkl abcdefghijklm abcdefghijklmnopqrstuvwxyz access admin administrator adminadmin agent asdf asdfgh
    asdfghjkl asdfghjklqwerty azerty azertyuiop bailey baseball basketball batman blink calcio callcenter changeme
    changemenow charlie chelsea chocolate computer contactcenter contrasena correcthorse correcthorsebatterystaple
    cowboys daniel default diamond donald dragon football fotboll freedom fussball geheim geheimwort guest hallo
    hallohallo hello helloworld hockey hunter iloveyou iloveyouforever iloveyousomuch jennifer jessica jordan killer
    kennwort letmein letmeinnow liverpool login loginlogin losenord love maggie manager master matrix merlin michael
    michelle monday monkey motdepasse mustang mypassword nicole ninja nothing oranges parola parolachiave pass
    passord passwd password passwordpassword passwort passwortpasswort pepper pokemon princess qazwsx qazwsxedc
    qazwsxedcrfv qwert qwerty qwertyqwerty qwertyuiop qwertyuiopasdf qwertz qwertzuiop ranger rosterql robert root
    samantha schalke secret secretpassword service shadow sommer soleil starwars summer sunshine superman supervisor
    supersecret sverige taylor test tester testing testtest thomas thisisapassword thisismypassword tigger trustno
    user username veryverysecret welcome welcomehome welcometo whatever willkommen winter yankees zaq zaqwsx zxcvbn
    zxcvbnm
    """.split()
)
