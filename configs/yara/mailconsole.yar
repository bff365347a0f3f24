// Rules that come with Mailconsole. They see the message as it came, each of its parts, each member of an archive, and
// the source of each macro. Put your own into the folder `yara` beside mailconsole.toml; this one is written anew by
// every release.

rule EICAR_Test_File
{
    meta:
        description = "The harmless file by which engines are tested"
    strings:
        // In hexadecimal, so that no engine finds this file.
        $whole = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D 24 45 49 43 41 52 2D
                   53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A }
    condition:
        $whole
}

rule Macro_That_Runs_Programs
{
    meta:
        description = "A macro that starts by itself, and then starts programs or fetches files"
    strings:
        $begin = "Attribute VB_" nocase
        $auto1 = /\b(auto_?open|auto_?close|auto_?exec|document_(open|close|new)|workbook_(open|activate))\b/ nocase
        $run1 = "wscript.shell" nocase
        $run2 = "powershell" nocase
        $run3 = "shell.application" nocase
        $run4 = "msxml2.xmlhttp" nocase
        $run5 = "urldownloadtofile" nocase
        $run6 = "winmgmts:" nocase
        $run7 = /\bshell\s*\(/ nocase
    condition:
        $begin and $auto1 and any of ($run*)
}

rule Shortcut_That_Runs_A_Script
{
    meta:
        description = "A Windows shortcut that leads to a command interpreter"
    strings:
        $run1 = "powershell" nocase ascii wide
        $run2 = "mshta" nocase ascii wide
        $run3 = "cmd.exe" nocase ascii wide
        $run4 = "wscript" nocase ascii wide
    condition:
        uint32(0) == 0x0000004C and uint32(4) == 0x00021401 and any of them
}

rule Page_That_Builds_A_Program
{
    meta:
        description = "A page that puts a program together out of text and hands it over as a download"
    strings:
        $decode = "atob(" nocase
        $blob = "new Blob(" nocase
        $save1 = "msSaveOrOpenBlob" nocase
        $save2 = ".download" nocase
        $program1 = "\"TVqQAA"
        $program2 = "'TVqQAA"
        $program3 = "\"UEsDB"
        $program4 = "'UEsDB"
    condition:
        $decode and $blob and any of ($save*) and any of ($program*)
}
